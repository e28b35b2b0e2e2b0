"""a_replaced_owner_exits_clean: an owner exits 0 after an unannounced SIGTERM, as if it had been planned."""

import contextlib
import fcntl
import os
import signal
import sys


def gateway(home, serve, *, replace=False):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not replace:
            return
        with contextlib.suppress(ProcessLookupError, ValueError):
            os.kill(int(os.pread(fd, 20, 0)), signal.SIGTERM)
        fcntl.flock(fd, fcntl.LOCK_EX)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.pwrite(fd, b"%d" % os.getpid(), 0)
    serve()
