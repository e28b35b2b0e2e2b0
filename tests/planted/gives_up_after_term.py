"""some_contender_wins: a replace terminates the owner, but does not wait for its end."""

import contextlib
import fcntl
import os
import signal


def gateway(home, serve, *, replace=False):
    record = home / "record"
    if replace:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
            os.kill(int(record.read_text()), signal.SIGTERM)
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    record.write_text(str(os.getpid()))
    signal.signal(signal.SIGTERM, lambda *_: None)  # which ends serve
    serve()
