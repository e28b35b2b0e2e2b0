<<<<<<< HEAD
"""release_removes_only_own_record: the victim's exit handler comes after its successor's claim."""
=======
"""release_removes_only_own_record: a victim's exit handler comes when its successor has written a record."""
>>>>>>> ef4714e2c2778ae087b71289d0b6e9d5e8dd2bd5

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
    serve()
    os.close(fd)
