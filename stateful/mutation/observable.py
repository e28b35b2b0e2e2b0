"""The observable part of a state: the content of the disk, the locks held, the phase of each process.

Not observable: the memory of a process, its open descriptors, inode numbers and times.
"""

from __future__ import annotations

from typing import Any

from stateful.model.clock import START
from stateful.model.disk import NO_DISK, Disk
from stateful.search.memory import Memory
from stateful.search.search_state import State


def observable(memory: Memory, state: State) -> tuple[Any, ...]:
    """The observable part of a state, as a hashable value."""
    shared = memory.shared_state(state.shared)
    names = _names(shared.disk)
    others = shared._replace(disk=NO_DISK, opens=(), flocks=(), record_locks=(), orders=())
    return (
        shared.disk.visible(),
        tuple(sorted((names.get(serial, ()), lock) for serial, lock in shared.flocks)),
        tuple(
            sorted(
                (names.get(lock.inode, ()), lock.letter, lock.start, lock.end) for lock in shared.record_locks
            )
        ),
        others._replace(clock=START, labels=0),
        tuple(_life(memory, local) for local in state.locals),
    )


def _names(disk: Disk) -> dict[int, tuple[str, ...]]:
    names: dict[int, tuple[str, ...]] = {}
    for path, serial in disk.names:
        names[serial] = (*names.get(serial, ()), path)
    return names


def _life(memory: Memory, number: int) -> tuple[Any, ...]:
    local = memory.local(number)
    return (memory.has_not_started(number), local.phase, local.owned, local.outcome)
