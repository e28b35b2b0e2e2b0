"""at_most_one_owner: a stale record is renamed by its path, which names the successor's record by then."""

from __future__ import annotations

import contextlib
import os

from stateful.subjects import records
from stateful.subjects.direct_unlink import remove_pid_file, write_pid_file


def get_running_pid(*, cleanup_stale: bool = True) -> int | None:
    pid = records.running_pid(records.read_record())
    if pid is None and cleanup_stale:
        with contextlib.suppress(FileNotFoundError):
            os.rename(records.pid_path(), records.pid_path().with_suffix(".stale"))
    return pid
