"""at_most_one_owner: a failed lock call counts as success, unless the error says that the lock is held."""

import fcntl
import os


def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    except OSError:
        pass  # "There are no locks on this file system."
    serve()
