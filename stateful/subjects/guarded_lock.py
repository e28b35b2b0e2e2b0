"""The next attempt: a runtime lock is added, and clean-up is still guarded.

The lock makes it safe; after a SIGKILL the record still stands, and exclusive creation fails on it.
"""

from __future__ import annotations

from stateful.subjects.records import (
    acquire_lock,
    read_record,
    release_lock,
    remove_own,
    running_pid,
    write_exclusively,
)


def get_running_pid(*, cleanup_stale: bool = True) -> int | None:
    pid = running_pid(read_record())
    if pid is None and cleanup_stale:
        remove_own()
    return pid


acquire_gateway_runtime_lock = acquire_lock
release_gateway_runtime_lock = release_lock
write_pid_file = write_exclusively
remove_pid_file = remove_own
