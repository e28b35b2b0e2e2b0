"""at_most_one_owner: a gateway whose disk is read-only runs without a lock."""

import errno
import fcntl
import os


def gateway(home, serve):
    try:
        fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        if error.errno != errno.EROFS:
            raise
    else:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
    serve()
