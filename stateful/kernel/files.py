"""The calls on open files, each made on the real temporary directory.

What the real one leaks is made canonical here: a process sees its own lowest descriptor numbers, inode
numbers labelled in the order in which they were first looked at, the virtual clock in timestamps and
sorted directory listings.

Permission bits are the kernel's own, and obeyed as for the ordinary user who owns every file: a trace
does not depend on whether the host's user is root, and the kernel can always read what stands there.
Simplified: a folder that is reached through a symbolic link is taken to be where the link's name is.
"""

from __future__ import annotations

import errno
import stat as st
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stateful.kernel import real
from stateful.model.call import Errno

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process

Implementation = Callable[..., Any]
IMPLEMENTATIONS: dict[str, Implementation] = {}

DEVICE = 1  # the st_dev of every file
WRITABLE = 0o3  # O_WRONLY | O_RDWR
LIMIT_OPEN_FILES = 64
STANDARD_STREAMS = (0, 1, 2)


def syscall(name: str) -> Callable[[Implementation], Implementation]:
    """Register a function as the kernel's implementation of the call of a row: see ``model/syscalls.py``."""

    def register(function: Implementation) -> Implementation:
        IMPLEMENTATIONS[name] = function
        return function

    return register


class OpenFile:
    """An open file description: what one ``open`` made, and every ``dup`` of it shares.

    Attributes:
        real: the host's descriptor, or None for a file of ``/proc``.
        path: the virtual path it was opened by, for reports.
        lock: ``"SH"``, ``"EX"`` or None: the flock that this description holds.
        content: what a file of ``/proc`` contained when it was first read.
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


class Inode:
    """What the kernel knows of a real inode beside its content.

    Attributes:
        serial: the smallest number that no other live inode had when this one was made.
        mode: the permission bits.
        label: the inode number that processes see, given when one first looks.
        opens: how many open file descriptions there are.
    """

    __slots__ = ("label", "mode", "mtime", "opens", "serial", "writer")

    def __init__(self, serial: int, mtime: int, mode: int) -> None:
        self.serial = serial
        self.mode = mode
        self.label: int | None = None
        self.mtime = mtime
        self.writer: str | None = None
        self.opens = 0


def open_number(process: Process, file: OpenFile) -> int:
    """Give an open file the lowest free descriptor number of a process."""
    number = 3
    while number in process.fds:
        number += 1
    process.fds[number] = file
    return number


def open_file(process: Process, fd: int) -> OpenFile:
    """The open file behind a descriptor. Raises EBADF where there is none."""
    try:
        return process.fds[fd]
    except KeyError:
        raise OSError(errno.EBADF, "") from None


def on_disk(kernel: Kernel, path: str, making: bool | None = None) -> str:
    """Where the host has a path.

    ``making`` is whether the call makes the name or takes it away, None where it only looks it up.
    Raises EACCES where the permission bits of a folder keep its owner out.
    """
    if kernel.closed:
        folder = path.rpartition("/")[0]
        ancestors = folder.split("/")
        bits = [folder_mode(kernel, "/".join(ancestors[: end + 1])) for end in range(1, len(ancestors))]
        if any(not mode & 0o100 for mode in bits):
            raise OSError(errno.EACCES, "")
        if making is not None and bits and not bits[-1] & 0o200 and is_there(kernel, path) != making:
            raise OSError(errno.EACCES, "")
    return kernel.root + path


def folder_mode(kernel: Kernel, path: str) -> int:
    """The permission bits of a folder; all of them where there is none, so that the call itself fails."""
    try:
        found = real.stat(kernel.root + path)
    except OSError:
        return 0o777
    return kernel.inode(found.st_ino).mode if st.S_ISDIR(found.st_mode) else 0o777


def is_there(kernel: Kernel, path: str) -> bool:
    """Whether a name stands on the disk, were it that of a dangling link."""
    try:
        real.lstat(kernel.root + path)
    except OSError:
        return False
    return True


@syscall("open")
def _open(kernel: Kernel, process: Process, path: str, flags: int, mode: int) -> int | Errno:
    if len(process.fds) >= LIMIT_OPEN_FILES:
        return Errno(errno.EMFILE)
    if kernel.proc and path.startswith("/proc/"):
        return open_number(process, kernel.open_proc(process, path, flags))
    if real.O_TMPFILE and flags & real.O_TMPFILE == real.O_TMPFILE:
        return Errno(errno.EOPNOTSUPP)  # as on a file system that has no nameless files
    where = on_disk(kernel, path, True if flags & real.O_CREAT else None)
    try:
        before = real.lstat(where) if flags & real.O_NOFOLLOW else real.stat(where)
    except OSError:
        before = None
    if before is not None and not st.S_ISLNK(before.st_mode):
        wanted = (4, 2, 6, 6)[flags & WRITABLE] | (2 if flags & real.O_TRUNC else 0)
        fails_anyway = (flags & real.O_CREAT and flags & real.O_EXCL) or (
            st.S_ISDIR(before.st_mode) and wanted & 2
        )
        if kernel.inode(before.st_ino).mode >> 6 & wanted != wanted and not fails_anyway:
            return Errno(errno.EACCES)
    # Write-only files are readable to the kernel, which has to see what stands in them.
    fd = real.open(where, flags ^ WRITABLE if flags & WRITABLE == 1 else flags, 0o600)
    after = real.fstat(fd)
    if flags & real.O_CREAT and before is None:
        kernel.inode(after.st_ino).mode = mode & ~process.umask & 0o7777
        kernel.named(path)
        if real.lstat(where).st_ino != after.st_ino:
            kernel.folders |= kernel.skeleton  # made through a link, wherever that points
        kernel.changed(after.st_ino, process)
    elif flags & real.O_TRUNC and flags & WRITABLE:
        kernel.changed(after.st_ino, process)
    kernel.inode(after.st_ino).opens += 1
    return open_number(process, OpenFile(fd, path, flags, after.st_ino))


@syscall("close")
def _close(kernel: Kernel, process: Process, fd: int) -> None:
    file = open_file(process, fd)
    del process.fds[fd]
    kernel.drop_record_locks(process, file.inode)
    kernel.release(file)


@syscall("dup")
def _dup(kernel: Kernel, process: Process, fd: int) -> int:
    file = open_file(process, fd)
    if len(process.fds) >= LIMIT_OPEN_FILES:
        raise OSError(errno.EMFILE, "")
    file.references += 1
    return open_number(process, file)


@syscall("read")
def _read(kernel: Kernel, process: Process, fd: int, size: int) -> bytes:
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
def _pread(kernel: Kernel, process: Process, fd: int, size: int, offset: int) -> bytes:
    file = open_file(process, fd)
    if file.real is None:
        return kernel.pread_proc(process, file, size, offset)
    if file.flags & WRITABLE == 1:
        raise OSError(errno.EBADF, "")
    return real.pread(file.real, size, offset)


def real_fd(process: Process, fd: int) -> int:
    """The host's descriptor behind one. Raises EINVAL for what the host has no file for."""
    number = open_file(process, fd).real
    if number is None:
        raise OSError(errno.EINVAL, "")
    return number


def _writable(process: Process, fd: int) -> int:
    if not open_file(process, fd).flags & WRITABLE:
        raise OSError(errno.EBADF, "")
    return real_fd(process, fd)


@syscall("write")
def _write(kernel: Kernel, process: Process, fd: int, data: bytes) -> int:
    number, file = _writable(process, fd), open_file(process, fd)
    adds = file.flags & real.O_APPEND and real.fstat(number).st_size
    written = real.write(number, data)
    kernel.changed(file.inode, process)
    if adds:
        kernel.inode(file.inode).writer = None
    return written


@syscall("pwrite")
def _pwrite(kernel: Kernel, process: Process, fd: int, data: bytes, offset: int) -> int:
    written = real.pwrite(_writable(process, fd), data, offset)
    kernel.changed(open_file(process, fd).inode, process)
    return written


@syscall("sendfile")
def _sendfile(
    kernel: Kernel, process: Process, target: int, source: int, offset: int | None, size: int
) -> int:
    if offset is None:
        data = _read(kernel, process, source, size)
    else:
        data = _pread(kernel, process, source, size, offset)
    if open_file(process, target).flags & real.O_APPEND:
        raise OSError(errno.EINVAL, "")
    return int(_write(kernel, process, target, data))


@syscall("copy_file_range")
def _copy_file_range(
    kernel: Kernel,
    process: Process,
    target: int,
    source: int,
    offset: int | None,
    size: int,
    start: int | None,
) -> int:
    """Copy from an offset to another one. What the files and ranges have to be, the host itself says."""
    origin, copy = open_file(process, source), open_file(process, target)
    if origin.flags & WRITABLE == 1 and _fdkind(kernel, process, target) != "dir":
        raise OSError(errno.EBADF, "")
    if origin.real is None or copy.real is None:
        raise OSError(errno.EXDEV if copy.flags & WRITABLE else errno.EBADF, "")
    copied = real.copy_file_range(origin.real, copy.real, size, offset, start)
    if copied:
        kernel.changed(copy.inode, process)
    return int(copied)


def left_to_read(process: Process, fd: int, offset: int | None) -> int:
    """How many bytes of a file there are from an offset on; from its own one where that is None."""
    number = real_fd(process, fd)
    return max(0, real.fstat(number).st_size - (real.lseek(number, 0, 1) if offset is None else offset))


@syscall("lseek")
def _lseek(kernel: Kernel, process: Process, fd: int, offset: int, whence: int) -> int:
    file = open_file(process, fd)
    if file.real is None:
        return kernel.seek_proc(file, offset, whence)
    return real.lseek(file.real, offset, whence)


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
def _fdkind(kernel: Kernel, process: Process, fd: int) -> str:
    """Whether a descriptor is a directory, as ``open()`` asks right after it opened one."""
    number = open_file(process, fd).real
    return "dir" if number is not None and st.S_ISDIR(real.fstat(number).st_mode) else "file"


@syscall("fdpath")
def _fdpath(kernel: Kernel, process: Process, fd: int) -> str:
    """The path by which a descriptor was opened; none of a standard stream."""
    return "" if fd in STANDARD_STREAMS and fd not in process.fds else open_file(process, fd).path


@syscall("getfl")
def _getfl(kernel: Kernel, process: Process, fd: int) -> int:
    return open_file(process, fd).flags


def status(kernel: Kernel, raw: Any) -> tuple[int, ...]:
    """The fields of os.stat_result that a process may see, in its order."""
    inode = kernel.inode(raw.st_ino)
    if inode.label is None:
        inode.label = kernel.next_label(inode)
    size = 0 if st.S_ISDIR(raw.st_mode) else raw.st_size
    links = 1 if st.S_ISDIR(raw.st_mode) else raw.st_nlink
    mode = st.S_IFMT(raw.st_mode) | inode.mode
    return (mode, inode.label, DEVICE, links, 1000, 1000, size, inode.mtime)


@syscall("fstat")
def _fstat(kernel: Kernel, process: Process, fd: int) -> tuple[int, ...]:
    file = open_file(process, fd)
    if file.real is None:
        return kernel.stat_proc(process, file.path)
    return status(kernel, real.fstat(file.real))
