"""The state of the kernel: what processes can see of it now, as hashable values."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from stateful.kernel import real
from stateful.kernel.locks import RecordLock
from stateful.kernel.persistence import Persistence
from stateful.model.clock import Clock
from stateful.model.disk import Disk
from stateful.model.excuses import Reason
from stateful.model.lifecycle import Entry
from stateful.model.machine import Stranger
from stateful.model.roles import Alone, Number, Sorted, Text

if TYPE_CHECKING:
    from stateful.kernel.files import OpenFile
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process


class SharedState(NamedTuple):
    """Everything that more than one process can see, as a hashable value.

    What a call does depends on this, on the caller's ``own_state`` and on nothing else. Therefore the
    exhaustive search needs to make each call only once from each such pair.

    Attributes:
        table: each live process.
        opens, flocks: (serial of the inode, how often it is open, or a lock on it).
        record_locks: the ``lockf`` locks, with serials for inodes.
        clock, strangers, boots, condition, orders, persistence: see ``Kernel``.
    """

    disk: Disk
    table: Sorted[Entry]
    opens: Sorted[tuple[Number, Number]]
    flocks: Sorted[tuple[Number, Text]]
    record_locks: Sorted[RecordLock]
    clock: Clock
    labels: Number
    strangers: Sorted[Stranger]
    boots: Number
    condition: Text
    orders: Sorted[tuple[Text, Text]]
    persistence: Alone[Persistence]


def table(kernel: Kernel) -> tuple[Entry, ...]:
    """The process table without strangers."""
    table = []
    for process in kernel.processes.values():
        if process.alive:
            signals, dispositions = tuple(process.signals), tuple(sorted(process.dispositions.items()))
            at = process.folder_of_work, process.stopped
            table.append(Entry(process.letter, process.life, *at, signals, dispositions, process.comm))
    return tuple(sorted(table))


def shared_state(kernel: Kernel) -> SharedState:
    """Everything that more than one process can see now."""
    opens = tuple(sorted((inode.serial, inode.opens) for inode in kernel.inodes.values() if inode.opens))
    flocks = []
    for process in kernel.processes.values():
        if process.alive:
            files = {id(file): file for file in process.fds.values()}.values()
            flocks += [(kernel.inode(file.inode).serial, file.lock) for file in files if file.lock]
    record_locks = tuple(
        sorted(lock._replace(inode=kernel.inode(lock.inode).serial) for lock in kernel.record_locks)
    )
    return SharedState(
        kernel.disk(),
        table(kernel),
        opens,
        tuple(sorted(flocks)),
        record_locks,
        kernel.clock,
        kernel.labels,
        tuple(sorted(kernel.strangers.values())),
        kernel.boots,
        kernel.condition,
        tuple(sorted(kernel.orders.items())),
        kernel.follow(),
    )


def disk_fails(kernel: Kernel) -> bool:
    """Whether the disk is full or read-only, or a link has replaced a file: less is guaranteed then."""
    return bool(kernel.condition) or (kernel.links and kernel.disk().is_misused())


def hindrance(kernel: Kernel) -> Reason:
    """The excuse of a process that makes a step on this disk."""
    if kernel.disk_fails():
        return Reason.CALLS
    return Reason.LINK if kernel.is_planted() else Reason.NONE


def is_planted(kernel: Kernel) -> bool:
    """Whether a link leads to a file that no process of the gateway has made."""
    return kernel.links and bool(kernel.disk().planted())


def own_state(kernel: Kernel, process: Process) -> tuple[Any, ...]:
    """What only one process can see of the kernel: its umask and its open files."""
    shared: dict[int, int] = {}
    return (
        process.umask,
        tuple(
            (fd, _describe(kernel, file, shared.setdefault(id(file), len(shared))))
            for fd, file in sorted(process.fds.items())
        ),
    )


def _describe(kernel: Kernel, file: OpenFile, number: int) -> tuple[Any, ...]:
    if file.real is None:
        return ("proc", file.path, file.content, file.offset, file.flags, number)
    serial, offset = kernel.inode(file.inode).serial, real.lseek(file.real, 0, 1)
    return (serial, file.path, file.flags, file.lock, offset, number)


def check(kernel: Kernel) -> None:
    """Assert that the recorded disk, names and inodes agree with the real ones."""
    known = kernel.known_disk()
    kernel.changed()
    assert known in (None, kernel.disk()), "the recorded disk differs from the real one"
    serials = {serial for serial, _ in kernel.disk().files}
    found = {inode.serial for inode in kernel.inodes.values() if inode.serial >= 0}
    assert found == serials, f"inodes {sorted(found)} are recorded, but the disk has {sorted(serials)}"
    opens = Counter(
        file.inode
        for process in kernel.processes.values()
        for file in {id(file): file for file in process.fds.values()}.values()
        if file.real is not None
    )
    for number, inode in kernel.inodes.items():
        assert inode.opens == opens[number], f"inode {number} has {opens[number]} opens, not {inode.opens}"
