"""a_dead_owner_can_be_replaced: fills a record by copy_file_range; an empty one keeps every start out."""

import contextlib
import fcntl
import os

documented_errors = (OSError,)


def gateway(home, serve):
    lock = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    if (home / "gateway.pid").stat().st_size == 0:
        return
    source = os.open(home / "gateway.pid", os.O_RDONLY)
    new = os.open(home / "new", os.O_CREAT | os.O_RDWR, 0o600)
    with contextlib.suppress(OSError):  # What is published may be empty.
        os.copy_file_range(source, new, 1000)
    os.rename(home / "new", home / "gateway.pid")
    serve()
