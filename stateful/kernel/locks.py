"""Both lock families: ``flock`` on the open file description, ``lockf`` on (process, inode).

``flock`` is the host's own, between real descriptors. A ``lockf`` lock of the host belongs to a process of
the host, and all simulated processes are one process there, so the kernel keeps that table itself.
"""

from __future__ import annotations

import errno
import fcntl
from typing import TYPE_CHECKING, Final, NamedTuple

from stateful.kernel import real
from stateful.kernel.files import WRITABLE, open_file, real_fd, syscall
from stateful.kernel.waiting import waits_if
from stateful.model.call import BLOCKED, Blocked, Errno
from stateful.model.roles import Letter, Number

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process

END_OF_FILE = 1 << 62
DROPPED: Final = "lock dropped"  # the answer to a conversion that has to wait
QUEUED: Final = "begins to wait"  # the answer to a lockf that has to wait
BEGINS: Final = {"flock": DROPPED, "lockf": QUEUED}  # The caller repeats the call.


class RecordLock(NamedTuple):
    """A byte range of an inode that a process has locked, or waits to lock."""

    letter: Letter
    inode: Number
    start: Number
    end: Number
    exclusive: bool
    waits: bool = False

    def keeps_waiting(self, other: RecordLock) -> bool:
        """Whether another lock has to wait for this one."""
        overlap = self.inode == other.inode and self.start < other.end and other.start < self.end
        conflict = overlap and (self.exclusive or other.exclusive)
        return conflict and not self.waits and self.letter != other.letter


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


@waits_if("flock")
def _flock_waits(kernel: Kernel, process: Process, fd: int, operation: int) -> bool:
    """Whether another description has the lock. A conversion does not wait: it drops its lock first."""
    file = process.fds.get(fd)
    if file is None or file.lock or operation not in (fcntl.LOCK_SH, fcntl.LOCK_EX):
        return False
    held = (each for other in kernel.processes.values() for each in other.fds.values() if each.lock)
    exclusive = operation == fcntl.LOCK_EX
    return any(each.inode == file.inode and (exclusive or each.lock == "EX") for each in held)


@syscall("lockf")
def _lockf(
    kernel: Kernel, process: Process, fd: int, operation: int, length: int, start: int, whence: int
) -> str | Errno | Blocked | None:
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
    wish = RecordLock(process.letter, file.inode, start, end, wanted == fcntl.LOCK_EX)
    locks = kernel.record_locks
    if wanted != fcntl.LOCK_UN and any(lock.keeps_waiting(wish) for lock in locks):
        if operation & fcntl.LOCK_NB:
            return Errno(errno.EAGAIN)
        if _lockf_waits(kernel, process):
            return BLOCKED
        if process.letter in _waited_for(locks, wish, set()):
            return Errno(errno.EDEADLK)
        # That it waits is a step: of a circle, the last one to wait gets EDEADLK.
        kernel.record_locks = sorted([*locks, wish._replace(waits=True)])
        return QUEUED
    mine = [lock for lock in locks if lock.letter == process.letter and not lock.waits]
    others = [lock for lock in locks if lock.letter != process.letter]
    kept = [piece for lock in mine for piece in _without(lock, file.inode, start, end)]
    if wanted != fcntl.LOCK_UN:
        kept.append(wish)
    kernel.record_locks = sorted(others + kept)
    return None


@waits_if("lockf")
def _lockf_waits(kernel: Kernel, process: Process, *_: int) -> bool:
    """Whether a process has begun to wait for a lock, and another one still has it."""
    wishes = [lock for lock in kernel.record_locks if lock.waits and lock.letter == process.letter]
    return any(lock.keeps_waiting(wish) for wish in wishes for lock in kernel.record_locks)


def _waited_for(locks: list[RecordLock], wish: RecordLock, found: set[str]) -> set[str]:
    """The processes that a lock would wait for, also because one of them waits for another."""
    for letter in {lock.letter for lock in locks if lock.keeps_waiting(wish)} - found:
        found.add(letter)
        for lock in locks:
            if lock.waits and lock.letter == letter:
                _waited_for(locks, lock, found)
    return found


def stop_waiting(kernel: Kernel, process: Process) -> None:
    """A signal ends the wait of a process, which then begins to wait again."""
    kernel.record_locks = [
        lock for lock in kernel.record_locks if not (lock.waits and lock.letter == process.letter)
    ]


def locked_by(kernel: Kernel, process: Process) -> tuple[int, ...]:
    """The serials of the files that a process has locked, with a lock of either family."""
    flocks = {file.inode for file in process.fds.values() if file.lock}
    record_locks = {
        lock.inode for lock in kernel.record_locks if lock.letter == process.letter and not lock.waits
    }
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
