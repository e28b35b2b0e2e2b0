"""The calls on open files, each made on the real temporary directory.

Values that depend on the host are made canonical: a process sees its own lowest descriptor numbers, inode
numbers assigned in the order in which processes first look at them, the virtual clock in timestamps, and
sorted directory listings.

Users, groups and permission bits are the kernel's own (``permissions``): a trace does not depend on whether
the host's user is root, and the kernel can always read every file.
"""

from __future__ import annotations

import errno
import os
import resource
import stat as st
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stateful.kernel import real
from stateful.kernel.permissions import check_making, check_opening, check_taking, find, made_by
from stateful.kernel.status import date_folder, status
from stateful.model.call import Errno, UnmodelledSyscall

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process

Implementation = Callable[..., Any]
IMPLEMENTATIONS: dict[str, Implementation] = {}

WRITABLE = 0o3  # O_WRONLY | O_RDWR
STANDARD_STREAMS = (0, 1, 2)
LIMIT_OPEN_FILES = 1024 - len(STANDARD_STREAMS)  # the limit of a usual machine
ENOUGH_OPEN_FILES = 16 * 1024
WITH_O_PATH = real.O_PATH | os.O_DIRECTORY | real.O_NOFOLLOW | os.O_CLOEXEC  # it ignores all other flags


def syscall(name: str) -> Callable[[Implementation], Implementation]:
    """Register a function as the kernel's implementation of the call of a row: see ``model/syscalls.py``."""

    def register(function: Implementation) -> Implementation:
        IMPLEMENTATIONS[name] = function
        return function

    return register


class OpenFile:
    """An open file description: made by one ``open``, and shared by every ``dup`` of it.

    Attributes:
        real: the host's descriptor, or None for a file of ``/proc``.
        path: the virtual path by which it was opened, for reports.
        lock: ``"SH"``, ``"EX"`` or None: the flock that this description holds.
        content: the content of a file of ``/proc`` when it was read from the beginning.
    """

    __slots__ = ("content", "flags", "inode", "lock", "offset", "path", "real", "references")

    def __init__(self, real: int | None, path: str, flags: int, inode: int) -> None:
        self.real = real
        self.path = path
        self.flags = flags
        self.inode = inode
        self.lock: str | None = None
        self.content: bytes | None = None
        self.offset = 0
        self.references = 1


def allow_open_files() -> None:
    """Let the harness have more files open than the processes of a simulation may have together."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < ENOUGH_OPEN_FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, ENOUGH_OPEN_FILES), hard))


def open_number(process: Process, file: OpenFile) -> int:
    """Give an open file the lowest free descriptor number of a process."""
    number = 3
    while number in process.fds:
        number += 1
    process.fds[number] = file
    return number


def open_file(process: Process, fd: int, *, even_path: bool = False) -> OpenFile:
    """The open file of a descriptor. Raises EBADF if there is none.

    ``even_path`` says whether a descriptor of ``O_PATH`` will do: it only tells which file it is.
    """
    file = process.fds.get(fd)
    if file is None and fd in STANDARD_STREAMS:
        raise UnmodelledSyscall(f"the subject used descriptor {fd}, a standard stream, as a file")
    if file is None or (file.flags & real.O_PATH and not even_path):
        raise OSError(errno.EBADF, "")
    return file


def on_disk(
    kernel: Kernel, process: Process, path: str, making: bool | None = None, *, follows: bool = False
) -> str:
    """The path on the host for a virtual path.

    ``making`` is True if the call makes the name, False if it removes it, None if it only looks it up. Raises
    EACCES if the process may not do this there, EPERM if the name is another user's in a sticky folder.
    """
    place = find(kernel, process, path, follows=follows)
    if making is not None and is_there(kernel, path) != making:
        if making:
            check_making(process, place.folder)
        else:
            check_taking(process, place.folder, kernel.inode(real.lstat(place.where).st_ino))
    return place.where


def is_there(kernel: Kernel, path: str) -> bool:
    """Whether a name exists on the disk, even if it is a dangling link."""
    try:
        real.lstat(kernel.root + path)
    except OSError:
        return False
    return True


def is_nameless(flags: int) -> bool:
    """Whether ``open`` makes a file without a name in a folder."""
    return bool(real.O_TMPFILE) and flags & real.O_TMPFILE == real.O_TMPFILE


@syscall("open")
def _open(kernel: Kernel, process: Process, path: str, flags: int, mode: int) -> int | Errno:
    if len(process.fds) >= LIMIT_OPEN_FILES:
        return Errno(errno.EMFILE)
    if kernel.proc and path.startswith("/proc/"):
        return open_number(process, kernel.open_proc(process, path, flags))
    if flags & real.O_PATH:
        flags &= WITH_O_PATH
    nameless = is_nameless(flags)
    exclusive = bool(flags & real.O_CREAT and flags & real.O_EXCL)
    where, folder = find(kernel, process, path, follows=not (exclusive or flags & real.O_NOFOLLOW))
    try:
        before = real.lstat(where) if flags & real.O_NOFOLLOW else real.stat(where)
    except OSError:
        before = None
    if before is None and flags & real.O_CREAT and not (exclusive and is_there(kernel, path)):
        check_making(process, folder)
    if nameless and before is not None and st.S_ISDIR(before.st_mode):
        folder = kernel.inode(before.st_ino)
        check_making(process, folder)
    if flags & real.O_PATH:
        if before is not None and st.S_ISLNK(before.st_mode):
            raise UnmodelledSyscall("the subject opened a link itself, by O_PATH, which is not modelled")
    elif before is not None and not st.S_ISLNK(before.st_mode) and not nameless:
        wanted = (4, 2, 6, 6)[flags & WRITABLE] | (2 if flags & real.O_TRUNC else 0)
        fails_anyway = exclusive or (st.S_ISDIR(before.st_mode) and wanted & 2)
        if not fails_anyway:
            makes = bool(flags & real.O_CREAT)
            check_opening(process, folder, kernel.inode(before.st_ino), before.st_mode, wanted, makes)
    # The kernel opens write-only files for reading, too, since it has to see their content.
    fd = real.open(where, (flags ^ WRITABLE if flags & WRITABLE == 1 else flags) & ~real.O_PATH, 0o600)
    after = real.fstat(fd)
    if nameless or (flags & real.O_CREAT and before is None):
        inode = kernel.inode(after.st_ino)
        inode.mode = mode & ~process.umask & 0o7777
        inode.uid, inode.gid = made_by(process, folder)
    if nameless:
        kernel.changed(after.st_ino, process)
    elif flags & real.O_CREAT and before is None:
        kernel.named(path)
        date_folder(kernel, path)
        if real.lstat(where).st_ino != after.st_ino:
            kernel.folders |= kernel.skeleton  # made through a link, wherever that points
        kernel.changed(after.st_ino, process)
    elif flags & real.O_TRUNC and flags & WRITABLE:
        kernel.changed(after.st_ino, process)
    kernel.inode(after.st_ino).opens += 1
    return open_number(process, OpenFile(fd, path, flags, after.st_ino))


@syscall("close")
def _close(kernel: Kernel, process: Process, fd: int) -> None:
    file = open_file(process, fd, even_path=True)
    del process.fds[fd]
    kernel.drop_record_locks(process, file.inode)
    kernel.release(file)


@syscall("dup")
def _dup(kernel: Kernel, process: Process, fd: int) -> int | Errno:
    file = open_file(process, fd, even_path=True)
    if len(process.fds) >= LIMIT_OPEN_FILES:
        return Errno(errno.EMFILE)
    file.references += 1
    return open_number(process, file)


@syscall("read")
def read(kernel: Kernel, process: Process, fd: int, size: int) -> bytes:
    """Read up to ``size`` bytes; everything to the end where ``size`` is negative."""
    file = open_file(process, fd)
    if file.real is None:
        return kernel.read_proc(process, file, size)
    if file.flags & WRITABLE == 1:
        raise OSError(errno.EBADF, "")
    if size >= 0:
        return real.read(file.real, size)
    chunks = []
    while chunk := real.read(file.real, 65536):
        chunks.append(chunk)
    return b"".join(chunks)


@syscall("pread")
def pread(kernel: Kernel, process: Process, fd: int, size: int, offset: int) -> bytes:
    file = open_file(process, fd)
    if file.real is None:
        return kernel.pread_proc(process, file, size, offset)
    if file.flags & WRITABLE == 1:
        raise OSError(errno.EBADF, "")
    return real.pread(file.real, size, offset)


def real_fd(process: Process, fd: int) -> int:
    """The host's descriptor for a descriptor. Raises EINVAL if it is of no file on the host."""
    number = open_file(process, fd).real
    if number is None:
        raise OSError(errno.EINVAL, "")
    return number


def writable_fd(process: Process, fd: int) -> int:
    if not open_file(process, fd).flags & WRITABLE:
        raise OSError(errno.EBADF, "")
    return real_fd(process, fd)


@syscall("write")
def write(kernel: Kernel, process: Process, fd: int, data: bytes) -> int:
    if open_file(process, fd).real is None:
        return kernel.write_proc(process, open_file(process, fd), data)
    number, file = writable_fd(process, fd), open_file(process, fd)
    adds = file.flags & real.O_APPEND and real.fstat(number).st_size
    written = real.write(number, data)
    if written:
        kernel.changed(file.inode, process)
    if adds:
        kernel.inode(file.inode).writer = None
    return written


@syscall("pwrite")
def _pwrite(kernel: Kernel, process: Process, fd: int, data: bytes, offset: int) -> int:
    if open_file(process, fd).path.startswith("/proc/"):
        raise OSError(errno.ESPIPE, "")
    written = real.pwrite(writable_fd(process, fd), data, offset)
    if written:
        kernel.changed(open_file(process, fd).inode, process)
    return written


@syscall("lseek")
def _lseek(kernel: Kernel, process: Process, fd: int, offset: int, whence: int) -> int:
    file = open_file(process, fd)
    if file.real is None:
        return kernel.seek_proc(file, offset, whence)
    if whence in (os.SEEK_DATA, os.SEEK_HOLE):
        return _seek_allocated(file.real, offset, whence)
    return real.lseek(file.real, offset, whence)


def _seek_allocated(number: int, offset: int, whence: int) -> int:
    """Seek to what is allocated, or to a hole: the only one is the end, as on a file system without holes."""
    size = real.fstat(number).st_size
    if not 0 <= offset < size:
        raise OSError(errno.ENXIO, "")
    return real.lseek(number, offset if whence == os.SEEK_DATA else size, os.SEEK_SET)


@syscall("ftruncate")
def _ftruncate(kernel: Kernel, process: Process, fd: int, length: int) -> None:
    real.ftruncate(real_fd(process, fd), length)
    kernel.changed(open_file(process, fd).inode, process)


@syscall("fsync")
def _fsync(kernel: Kernel, process: Process, fd: int) -> None:
    real.fsync(real_fd(process, fd))


@syscall("fdatasync")
def _fdatasync(kernel: Kernel, process: Process, fd: int) -> None:
    real.fdatasync(real_fd(process, fd))


@syscall("fdkind")
def fdkind(kernel: Kernel, process: Process, fd: int) -> str:
    """The kind of a descriptor, ``dir`` or ``file``, for which ``open()`` asks right after opening."""
    number = open_file(process, fd, even_path=True).real
    return "dir" if number is not None and st.S_ISDIR(real.fstat(number).st_mode) else "file"


@syscall("fdpath")
def _fdpath(kernel: Kernel, process: Process, fd: int) -> str:
    """The path by which a descriptor was opened; empty for a standard stream."""
    if fd in STANDARD_STREAMS and fd not in process.fds:
        return ""
    file = open_file(process, fd, even_path=True)
    if file.real is not None and _was_renamed(kernel, file.path, real.fstat(file.real)):
        raise UnmodelledSyscall(f"the subject used a descriptor of {file.path}, which has been renamed since")
    return file.path


def _was_renamed(kernel: Kernel, path: str, opened: os.stat_result) -> bool:
    """Whether a folder that is open has another path than that by which it was opened."""
    if not st.S_ISDIR(opened.st_mode):
        return False
    try:
        return bool(real.stat(kernel.root + path).st_ino != opened.st_ino)
    except OSError:
        return opened.st_nlink > 0


@syscall("getfl")
def _getfl(kernel: Kernel, process: Process, fd: int) -> int:
    return open_file(process, fd, even_path=True).flags


@syscall("fstat")
def _fstat(kernel: Kernel, process: Process, fd: int) -> tuple[int, ...]:
    file = open_file(process, fd, even_path=True)
    if file.real is None:
        return kernel.stat_proc(process, file.path)
    return status(kernel, real.fstat(file.real), file.real)
