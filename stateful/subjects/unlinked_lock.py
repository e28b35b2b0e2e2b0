"""The release after that: clean-up unlinks the record and the lock file if the lock is free.

A contender that has the old lock file open locks an inode without a name; the next one creates and locks a
new file.
"""

from __future__ import annotations

import fcntl
import os

from stateful.subjects.records import (
    acquire_lock,
    lock_path,
    pid_path,
    read_record,
    release_lock,
    remove_own,
    running_pid,
    write_exclusively,
)


def get_running_pid(*, cleanup_stale: bool = True) -> int | None:
    pid = running_pid(read_record())
    if pid is None and cleanup_stale and not is_gateway_runtime_lock_active():
        pid_path().unlink(missing_ok=True)
        lock_path().unlink(missing_ok=True)
    return pid


def is_gateway_runtime_lock_active() -> bool:
    """Whether a process holds the lock; found out by taking the lock for a moment."""
    try:
        fd = os.open(lock_path(), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


acquire_gateway_runtime_lock = acquire_lock
release_gateway_runtime_lock = release_lock
write_pid_file = write_exclusively
remove_pid_file = remove_own
