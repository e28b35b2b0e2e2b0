"""release_removes_only_own_record: the victim's exit handler comes after its successor's claim."""

import atexit
import contextlib
import fcntl
import os
import signal


def gateway(home, serve, *, replace=False):
    record = home / "record"
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not replace:
            return
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
            os.kill(int(record.read_text()), signal.SIGTERM)
        fcntl.flock(fd, fcntl.LOCK_EX)
    record.write_text(str(os.getpid()))
    atexit.register(record.unlink, missing_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: None)  # which ends serve
    serve()
    os.close(fd)
