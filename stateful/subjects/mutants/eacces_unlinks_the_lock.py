"""at_most_one_owner: a lock file that cannot be opened is removed, and a new one is created and locked."""

from __future__ import annotations

from pathlib import Path

from stateful.subjects.overrides import overrides
from stateful.subjects.variants import record_in_the_lock
from stateful.subjects.variants.record_in_the_lock import gateway, running_pid

opens = record_in_the_lock.open_lock


@overrides(record_in_the_lock)
def open_lock(path: Path) -> int:
    try:
        return opens(path)
    except PermissionError:
        path.unlink(missing_ok=True)
        return opens(path)
