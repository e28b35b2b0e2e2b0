"""The first proposed fix: clean-up unlinks the stale record by its path.

At the time of the unlink the path may name the record of a gateway that has started in between.
"""

from __future__ import annotations

from stateful.subjects.records import pid_path, read_record, remove_own, running_pid, write_exclusively


def get_running_pid(*, cleanup_stale: bool = True) -> int | None:
    pid = running_pid(read_record())
    if pid is None and cleanup_stale:
        pid_path().unlink(missing_ok=True)
    return pid


write_pid_file = write_exclusively
remove_pid_file = remove_own
