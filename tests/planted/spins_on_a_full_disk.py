"""a_start_always_ends: a start retries without a pause as long as there is no room for its lock file."""

import fcntl
import os


def gateway(home, serve):
    while True:
        try:
            fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
            break
        except OSError:
            pass
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    serve()
