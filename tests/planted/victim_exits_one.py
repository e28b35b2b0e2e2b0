"""supervisors_settle: a replaced owner exits 1, so it is started again and replaces its replacer."""

import contextlib
import fcntl
import os
import signal
import sys


def gateway(home, serve, *, replace=False):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    if replace:
        with contextlib.suppress(ProcessLookupError, ValueError):
            os.kill(int(os.pread(fd, 20, 0)), signal.SIGTERM)
        fcntl.flock(fd, fcntl.LOCK_EX)
    else:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
    told = []
    signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    os.ftruncate(fd, 0)
    os.pwrite(fd, b"%d" % os.getpid(), 0)
    serve()
    os.ftruncate(fd, 0)
    if told:
        sys.exit(1)
