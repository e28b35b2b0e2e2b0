"""The next attempt: a runtime lock is added, and clean-up is still guarded.

The lock makes it safe; after a SIGKILL the record still stands, and exclusive creation fails on it.
"""

from __future__ import annotations

import fcntl
import os

from stateful.subjects.records import (
    lock_path,
    read_record,
    remove_own,
    running_pid,
    write_exclusively,
)

_lock: int | None = None


def get_running_pid(*, cleanup_stale: bool = True) -> int | None:
    pid = running_pid(read_record())
    if pid is None and cleanup_stale:
        remove_own()
    return pid


def acquire_gateway_runtime_lock() -> bool:
    global _lock
    fd = os.open(lock_path(), os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return False
    _lock = fd
    return True


def release_gateway_runtime_lock() -> None:
    if _lock is not None:
        os.close(_lock)


write_pid_file = write_exclusively
remove_pid_file = remove_own
