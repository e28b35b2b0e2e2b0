"""a_live_owner_is_discoverable: a start keeps the old pid in the state file, and a query believes it."""

from __future__ import annotations

from stateful.subjects.overrides import overrides
from stateful.subjects.variants import record_in_the_lock
from stateful.subjects.variants.record_in_the_lock import gateway, read_owner, running_pid

publishes = record_in_the_lock.publish


@overrides(record_in_the_lock)
def publish(fd: int, pid: int) -> None:
    if read_owner(fd) is None:
        publishes(fd, pid)
