"""Odd but right: there is a lock, and no record."""

import fcntl
import os


def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    serve()
