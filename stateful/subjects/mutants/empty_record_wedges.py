"""a_dead_owner_can_be_replaced: killed between creating and writing, it leaves a file that counts as held."""

import os


def gateway(home, serve):
    try:
        fd = os.open(home / "gateway.pid", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return
    os.write(fd, b"%d" % os.getpid())
    serve()
    os.unlink(home / "gateway.pid")
