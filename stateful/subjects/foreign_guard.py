"""The outage: clean-up calls the exit-time remover, which keeps every record of another process.

After a SIGKILL the record stands for ever, exclusive creation fails on it, and each respawn exits 1.
"""

from __future__ import annotations

from stateful.subjects.records import read_record, remove_own, running_pid, write_exclusively


def get_running_pid(*, cleanup_stale: bool = True) -> int | None:
    pid = running_pid(read_record())
    if pid is None and cleanup_stale:
        remove_own()
    return pid


write_pid_file = write_exclusively
remove_pid_file = remove_own
