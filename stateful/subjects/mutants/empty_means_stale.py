"""at_most_one_owner: a record that is created but not written yet counts as stale and is unlinked."""

from __future__ import annotations

from stateful.subjects import records
from stateful.subjects.foreign_guard import remove_pid_file, write_pid_file


def get_running_pid(*, cleanup_stale: bool = True) -> int | None:
    record = records.read_record()
    if record is None and cleanup_stale:
        records.pid_path().unlink(missing_ok=True)
    return records.running_pid(record)
