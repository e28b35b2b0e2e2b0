"""The mistake: it empties its lock file before it has the lock, also where that is a link to another file."""

import fcntl
import os


def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    serve()
