"""at_most_one_owner: at exit a process removes the lock file, which another may have opened already."""

import fcntl
import os


def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    serve()
    os.unlink(home / "lock")
