"""at_most_one_owner: a lock that is older than a minute by the wall clock counts as left behind."""

import fcntl
import os
import time

TIME_TO_LIVE_S = 60


def gateway(home, serve):
    path = home / "lock"
    for _ in range(2):
        fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.time() - os.fstat(fd).st_mtime < TIME_TO_LIVE_S:
                return
            path.unlink(missing_ok=True)
            continue
        os.utime(path)
        serve()
        return
