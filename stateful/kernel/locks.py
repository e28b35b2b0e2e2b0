"""Both lock families: ``flock`` on the open file description, ``lockf`` on (process, inode).

``flock`` is the host's own, between real descriptors. A ``lockf`` lock of the host belongs to a process of
the host, and all simulated processes are one process there, so the kernel keeps that table itself.
"""

from __future__ import annotations

import errno
import fcntl
from typing import TYPE_CHECKING, NamedTuple

from stateful.kernel import real
from stateful.kernel.files import WRITABLE, open_file, real_fd, syscall
from stateful.model.call import BLOCKED, Blocked, Errno
from stateful.model.roles import Letter, Number

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process

END_OF_FILE = 1 << 62
DROPPED = "lock dropped"  # the answer to a conversion that has to wait; the caller repeats the call


class RecordLock(NamedTuple):
    """A byte range of an inode, held by a process."""

    letter: Letter
    inode: Number
    start: Number
    end: Number
    exclusive: bool


@syscall("flock")
def _flock(kernel: Kernel, process: Process, fd: int, operation: int) -> str | Errno | Blocked | None:
    file = open_file(process, fd)
    number = real_fd(process, fd)
    wanted = operation & ~fcntl.LOCK_NB
    if wanted not in (fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_UN):
        return Errno(errno.EINVAL)
    try:
        real.flock(number, wanted | fcntl.LOCK_NB)
    except BlockingIOError:
        had, file.lock = file.lock, None  # flock(2): a conversion first drops the lock that it has.
        if operation & fcntl.LOCK_NB:
            return Errno(errno.EAGAIN)
        # Another process may take the lock before this one gets it, so dropping it is a step.
        return DROPPED if had else BLOCKED
    file.lock = {fcntl.LOCK_SH: "SH", fcntl.LOCK_EX: "EX", fcntl.LOCK_UN: None}[wanted]
    return None


@syscall("lockf")
def _lockf(
    kernel: Kernel, process: Process, fd: int, operation: int, length: int, start: int, whence: int
) -> Errno | Blocked | None:
    file = open_file(process, fd)
    number = real_fd(process, fd)
    wanted = operation & ~fcntl.LOCK_NB
    access = file.flags & WRITABLE
    if (wanted == fcntl.LOCK_EX and access == 0) or (wanted == fcntl.LOCK_SH and access == 1):
        return Errno(errno.EBADF)
    if whence == 1:
        start += real.lseek(number, 0, 1)
    elif whence == 2:
        start += real.fstat(number).st_size
    if length < 0:
        start, length = start + length, -length
    if start < 0:
        return Errno(errno.EINVAL)
    end = start + length if length else END_OF_FILE
    exclusive = wanted == fcntl.LOCK_EX
    mine: list[RecordLock] = []
    others: list[RecordLock] = []
    for lock in kernel.record_locks:
        (mine if lock.letter == process.letter else others).append(lock)
    if wanted != fcntl.LOCK_UN and any(
        lock.inode == file.inode and lock.start < end and start < lock.end and (lock.exclusive or exclusive)
        for lock in others
    ):
        return Errno(errno.EAGAIN) if operation & fcntl.LOCK_NB else BLOCKED
    kept = [piece for lock in mine for piece in _without(lock, file.inode, start, end)]
    if wanted != fcntl.LOCK_UN:
        kept.append(RecordLock(process.letter, file.inode, start, end, exclusive))
    kernel.record_locks = sorted(others + kept)
    return None


def locked_by(kernel: Kernel, process: Process) -> tuple[int, ...]:
    """The serials of the files that a process has locked, with a lock of either family."""
    flocks = {file.inode for file in process.fds.values() if file.lock}
    record_locks = {lock.inode for lock in kernel.record_locks if lock.letter == process.letter}
    return tuple(sorted(kernel.inode(number).serial for number in flocks | record_locks))


def _without(lock: RecordLock, inode: int, start: int, end: int) -> list[RecordLock]:
    """The parts of a lock that remain when a range is cut out of it."""
    if lock.inode != inode or lock.end <= start or end <= lock.start:
        return [lock]
    pieces = []
    if lock.start < start:
        pieces.append(lock._replace(end=start))
    if end < lock.end:
        pieces.append(lock._replace(start=end))
    return pieces
