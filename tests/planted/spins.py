"""a_dead_owner_can_be_replaced: a start waits for a stale file to go away, but no process removes it."""

import os


def gateway(home, serve):
    while True:
        try:
            os.close(os.open(home / "gateway.pid", os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            pass
    serve()
