"""a_live_owner_is_discoverable: a replace removes the record while its victim is still alive."""

import contextlib
import fcntl
import os
import signal


def gateway(home, serve, *, replace=False):
    record = home / "record"
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    if replace and (victim := running_pid(home)) is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGTERM)
        record.unlink(missing_ok=True)
        fcntl.flock(fd, fcntl.LOCK_EX)
    else:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
    record.write_text(str(os.getpid()))
    signal.signal(signal.SIGTERM, lambda *_: None)  # which ends serve
    serve()


def running_pid(home):
    try:
        return int((home / "record").read_text())
    except (FileNotFoundError, ValueError):
        return None
