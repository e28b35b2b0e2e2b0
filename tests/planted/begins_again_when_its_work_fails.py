"""at_most_one_owner: where its work fails, the owner lets go of the lock and serves again without it."""

import fcntl
import os


def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    try:
        serve()
    except RuntimeError:
        os.close(fd)
        serve()
