"""only_documented_errors: a record that is not a number makes every start raise."""

import fcntl
import os

documented_errors = (BlockingIOError,)


def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    if (home / "gateway.pid").exists():
        int((home / "gateway.pid").read_text())
    serve()
