"""at_most_one_owner: a lock file whose record fails the identity check is removed even if it is held."""

from __future__ import annotations

from pathlib import Path

from stateful.subjects.overrides import overrides
from stateful.subjects.variants import record_in_the_lock
from stateful.subjects.variants.record_in_the_lock import gateway, read_owner, running_pid, start_time

opens = record_in_the_lock.open_lock


@overrides(record_in_the_lock)
def open_lock(path: Path) -> int:
    fd = opens(path)
    owner = read_owner(fd)
    if owner is None or start_time(owner.pid) == owner.start_time:
        return fd
    path.unlink(missing_ok=True)
    return opens(path)
