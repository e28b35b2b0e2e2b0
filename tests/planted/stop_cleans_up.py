"""a_live_owner_is_discoverable: a planned stop removes the record before the owner has ended."""

import contextlib
import fcntl
import os
import signal


def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    (home / "record").write_text(str(os.getpid()))
    signal.signal(signal.SIGTERM, lambda *_: None)  # which ends serve
    serve()
    (home / "record").unlink(missing_ok=True)


def running_pid(home):
    try:
        return int((home / "record").read_text())
    except (FileNotFoundError, ValueError):
        return None


def stop(home):
    pid = running_pid(home)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        (home / "record").unlink(missing_ok=True)
    return pid
