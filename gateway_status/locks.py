"""The two lock files of a home: the lifetime lock, which is ownership, and the guard around it.

``gateway.lock`` is locked by the owner while it lives; the kernel unlocks it however it ends.
``gateway.guard`` is locked for the few steps of a claim or a clean-up. A record is written and
cleaned up under both; its owner removes it under its lifetime lock alone. Neither could do without
the other:

- The guard makes trying for the lifetime lock safe. A clean-up has to know that nobody owns, which
  it learns by taking the lifetime lock; a lone starter that tried at that moment would be refused.
- The lifetime lock ends with its process. It also keeps the writers of the record apart when an
  operator deletes the guard, as the guard does when the operator deletes the lifetime lock.

Facts that the code depends on:

- Lock files are never unlinked: the next contender would lock a new inode beside the holder's.
- A descriptor of the lifetime lock counts only while the path names its inode, compared while the
  descriptor pins that inode. The guard is not compared: the holder of a deleted guard overlaps with
  the holder of the next one after such a comparison as well as before, so it would buy nothing.
- Locks are dropped by closing, never by LOCK_UN, which would unlock the description that a forked
  child shares.

Not covered:

- A child that was forked without exec and outlives a killed owner: it holds the same description.
- A guard holder that is stopped (SIGSTOP): claims wait until it goes on or dies.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Iterator
from typing import NamedTuple

from gateway_status import exclusive, ownership
from gateway_status.record import CLOEXEC, CREATE_FLAGS, NOFOLLOW, NONBLOCK

LOCK_FILE, GUARD_FILE = "gateway.lock", "gateway.guard"
MAX_TRIES = 4

_behind_guard: set[int] = set()  # The threads of this process that hold a guard or wait for one.


class Held(NamedTuple):
    """The lifetime lock in the hands of the process that took it, which a forked child is not."""

    fd: int
    path: str
    holder: int


def acquire(home: str) -> Held | None:
    """Take the lifetime lock of a home, or return None where another process holds it."""
    path = os.path.join(home, LOCK_FILE)
    with guard(home, create=True, wait=True):
        fd = take(path, create=True)
    return None if fd is None else Held(fd, path, os.getpid())


@contextlib.contextmanager
def free_lifetime(path: str, *, create: bool = False) -> Iterator[bool]:
    """Under the guard, keep everybody from the lifetime lock for a while; whether it was free.

    Whoever is going to change the record makes the lock file where there is none: an older version, which
    takes no guard, might make and lock it meanwhile.
    """
    try:
        fd = take(path, create=create)
    except FileNotFoundError:
        yield True
        return
    try:
        yield fd is not None
    finally:
        if fd is not None:
            os.close(fd)


@contextlib.contextmanager
def guard(home: str, *, create: bool, wait: bool) -> Iterator[bool]:
    """Hold the guard of a home; whether it is held.

    It is not where it would have to be created and must not, or is busy and not to be waited for.
    Raises EDEADLK where this thread holds a guard already, as in a signal handler that interrupted it.
    """
    me = threading.get_ident()
    if me in _behind_guard:
        if not wait:
            yield False
            return
        raise OSError(errno.EDEADLK, "called by a signal handler in the middle of another call", home)
    _behind_guard.add(me)
    try:
        fd = _enter(os.path.join(home, GUARD_FILE), create=create, wait=wait)
        try:
            yield fd is not None
        finally:
            if fd is not None:
                os.close(fd)
    finally:
        _behind_guard.discard(me)


def _enter(path: str, *, create: bool, wait: bool) -> int | None:
    try:
        fd = _open(path, create=create)
    except FileNotFoundError:
        if create:
            raise
        return None
    return fd if _lock(fd, wait=wait) else None


def take(path: str, *, create: bool) -> int | None:
    """Under the guard, a descriptor that holds a lifetime lock, or None where another process holds it.

    Raises FileNotFoundError where there is no lock file and none is to be created.
    """
    for _ in range(MAX_TRIES):
        fd = _open(path, create=create)
        if not _lock(fd, wait=False):
            return None
        try:
            if is_named(fd, path):
                return fd
        except BaseException:
            os.close(fd)
            raise
        # An operator deleted the file between our open and our flock.
        os.close(fd)
    raise OSError(errno.ESTALE, f"replaced {MAX_TRIES} times while locking it", path)


def is_named(fd: int, path: str) -> bool:
    """Whether a path names the regular file behind a descriptor."""
    held = os.fstat(fd)
    if not stat.S_ISREG(held.st_mode):
        raise OSError(errno.EINVAL, "not a regular file, in the place of the lock file", path)
    try:
        named = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino)


def _open(path: str, *, create: bool) -> int:
    """Open a lock file; where allowed, make it and its home, and remove an empty directory.

    Nothing else in the place of a lock file is removed: between looking and unlinking it, another
    contender may have put a real lock file there. rmdir cannot remove one.
    """
    flags = os.O_RDWR | CLOEXEC | NOFOLLOW | NONBLOCK | (os.O_CREAT if create else 0)
    if create:
        ownership.make_for_user(path, CREATE_FLAGS)
    try:
        return os.open(path, flags, 0o600)
    except FileNotFoundError:
        if not create:
            raise
        _make_home(os.path.dirname(path))
        ownership.make_for_user(path, CREATE_FLAGS)
    except IsADirectoryError:
        if not create:
            raise
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(path)
    return os.open(path, flags, 0o600)


def _make_home(home: str) -> None:
    try:
        ownership.make_folders(home)
    except FileExistsError as error:  # Whoever claims a home would read it as "a record stands".
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), home) from error


def _lock(fd: int, *, wait: bool) -> bool:
    """Lock a descriptor; it is closed where another process has the lock, and on an error."""
    try:
        if exclusive.lock(fd, wait=wait):
            return True
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return False
