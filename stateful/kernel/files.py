"""The file system calls, each made on the real temporary directory.

What the real one leaks is made canonical here: a process sees its own lowest descriptor numbers, inode
numbers labelled in the order in which they were first looked at, the virtual clock in timestamps and
sorted directory listings. Permission bits are obeyed as for an ordinary user, also when the host's
user is root, so that a trace does not depend on who runs it.
"""

from __future__ import annotations

import errno
import stat as st
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stateful.kernel import real
from stateful.kernel.call import Errno

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process

Syscall = Callable[..., Any]
SYSCALLS: dict[str, Syscall] = {}

DEVICE = 1  # the st_dev of every file
WRITABLE = 0o3  # O_WRONLY | O_RDWR
LIMIT_OPEN_FILES = 64


def syscall(name: str) -> Callable[[Syscall], Syscall]:
    """Register a function as the kernel's implementation of a call."""

    def register(function: Syscall) -> Syscall:
        SYSCALLS[name] = function
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
        label: the inode number that processes see, given when one first looks.
        opens: how many open file descriptions there are.
    """

    __slots__ = ("label", "mtime", "opens", "serial", "writer")

    def __init__(self, serial: int, mtime: int) -> None:
        self.serial = serial
        self.label: int | None = None
        self.mtime = mtime
        self.writer: str | None = None
        self.opens = 0


def _add(process: Process, file: OpenFile) -> int:
    number = 3
    while number in process.fds:
        number += 1
    process.fds[number] = file
    return number


def _file(process: Process, fd: int) -> OpenFile:
    try:
        return process.fds[fd]
    except KeyError:
        raise OSError(errno.EBADF, "") from None


@syscall("open")
def _open(kernel: Kernel, process: Process, path: str, flags: int, mode: int) -> int | Errno:
    if len(process.fds) >= LIMIT_OPEN_FILES:
        return Errno(errno.EMFILE)
    if path.startswith("/proc/"):
        return _add(process, kernel.open_proc(path, flags))
    where = kernel.root + path
    follow = 0 if flags & real.O_NOFOLLOW else 1
    try:
        before = real.stat(where) if follow else real.lstat(where)
    except OSError:
        before = None
    if before is not None and st.S_ISREG(before.st_mode):
        wanted = (4, 2, 6, 6)[flags & WRITABLE]
        if not (flags & real.O_CREAT and flags & real.O_EXCL) and (
            before.st_mode >> 6 & wanted != wanted
        ):
            return Errno(errno.EACCES)
    # Write-only files are readable to the kernel, which has to see what stands in them.
    fd = real.open(where, flags ^ WRITABLE if flags & WRITABLE == 1 else flags, mode)
    after = real.fstat(fd)
    if flags & real.O_CREAT and before is None:
        real.fchmod(fd, mode & ~process.umask & 0o7777)
        kernel.named(path)
        kernel.changed(after.st_ino, process)
    elif flags & real.O_TRUNC and flags & WRITABLE:
        kernel.changed(after.st_ino, process)
    kernel.inode(after.st_ino).opens += 1
    return _add(process, OpenFile(fd, path, flags, after.st_ino))


@syscall("close")
def _close(kernel: Kernel, process: Process, fd: int) -> None:
    file = _file(process, fd)
    del process.fds[fd]
    kernel.drop_record_locks(process, file.inode)
    kernel.release(file)


@syscall("dup")
def _dup(kernel: Kernel, process: Process, fd: int) -> int:
    file = _file(process, fd)
    file.references += 1
    return _add(process, file)


@syscall("read")
def _read(kernel: Kernel, process: Process, fd: int, size: int) -> bytes:
    """Read up to ``size`` bytes; everything to the end where ``size`` is negative."""
    file = _file(process, fd)
    if file.real is None:
        return kernel.read_proc(file, size)
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
    if _file(process, fd).flags & WRITABLE == 1:
        raise OSError(errno.EBADF, "")
    return real.pread(_real(process, fd), size, offset)


def _real(process: Process, fd: int) -> int:
    number = _file(process, fd).real
    if number is None:
        raise OSError(errno.EINVAL, "")
    return number


@syscall("write")
def _write(kernel: Kernel, process: Process, fd: int, data: bytes) -> int:
    written = real.write(_real(process, fd), data)
    kernel.changed(_file(process, fd).inode, process)
    return written


@syscall("pwrite")
def _pwrite(kernel: Kernel, process: Process, fd: int, data: bytes, offset: int) -> int:
    written = real.pwrite(_real(process, fd), data, offset)
    kernel.changed(_file(process, fd).inode, process)
    return written


@syscall("lseek")
def _lseek(kernel: Kernel, process: Process, fd: int, offset: int, whence: int) -> int:
    file = _file(process, fd)
    if file.real is None:
        file.offset = offset if whence == 0 else file.offset + offset
        return file.offset
    return real.lseek(file.real, offset, whence)


@syscall("ftruncate")
def _ftruncate(kernel: Kernel, process: Process, fd: int, length: int) -> None:
    real.ftruncate(_real(process, fd), length)
    kernel.changed(_file(process, fd).inode, process)


@syscall("truncate")
def _truncate(kernel: Kernel, process: Process, path: str, length: int) -> None:
    real.truncate(kernel.root + path, length)
    kernel.changed(real.stat(kernel.root + path).st_ino, process)


@syscall("fsync")
def _fsync(kernel: Kernel, process: Process, fd: int) -> None:
    real.fsync(_real(process, fd))


@syscall("fdatasync")
def _fdatasync(kernel: Kernel, process: Process, fd: int) -> None:
    real.fdatasync(_real(process, fd))


@syscall("fdkind")
def _fdkind(kernel: Kernel, process: Process, fd: int) -> str:
    """Whether a descriptor is a directory, as ``open()`` asks right after it opened one."""
    number = _file(process, fd).real
    return "dir" if number is not None and st.S_ISDIR(real.fstat(number).st_mode) else "file"


@syscall("getfl")
def _getfl(kernel: Kernel, process: Process, fd: int) -> int:
    return _file(process, fd).flags


def _status(kernel: Kernel, raw: Any) -> tuple[int, ...]:
    """The fields of os.stat_result that a process may see, in its order."""
    inode = kernel.inode(raw.st_ino)
    if inode.label is None:
        inode.label = kernel.next_label()
    size = 0 if st.S_ISDIR(raw.st_mode) else raw.st_size
    links = 1 if st.S_ISDIR(raw.st_mode) else raw.st_nlink
    return (raw.st_mode, inode.label, DEVICE, links, 1000, 1000, size, inode.mtime)


@syscall("stat")
def _stat(kernel: Kernel, process: Process, path: str, follow: bool) -> tuple[int, ...]:
    if path.startswith("/proc/"):
        return kernel.stat_proc(path)
    where = kernel.root + path
    return _status(kernel, real.stat(where) if follow else real.lstat(where))


@syscall("fstat")
def _fstat(kernel: Kernel, process: Process, fd: int) -> tuple[int, ...]:
    file = _file(process, fd)
    if file.real is None:
        return kernel.stat_proc(file.path)
    return _status(kernel, real.fstat(file.real))


@syscall("access")
def _access(kernel: Kernel, process: Process, path: str, mode: int) -> bool:
    try:
        bits = _stat(kernel, process, path, True)[0]
    except OSError:
        return False
    return bits >> 6 & mode == mode


@syscall("unlink")
def _unlink(kernel: Kernel, process: Process, path: str) -> None:
    loser = real.lstat(kernel.root + path)
    real.unlink(kernel.root + path)
    kernel.changed()
    kernel.lost_a_name(loser)


@syscall("rename")
def _rename(kernel: Kernel, process: Process, source: str, target: str) -> None:
    try:
        loser = real.lstat(kernel.root + target)
    except OSError:
        loser = None
    kept = real.lstat(kernel.root + source)
    real.rename(kernel.root + source, kernel.root + target)
    kernel.named(target)
    kernel.changed()
    if loser is not None and loser.st_ino != kept.st_ino:
        kernel.lost_a_name(loser)


@syscall("link")
def _link(kernel: Kernel, process: Process, source: str, target: str) -> None:
    real.link(kernel.root + source, kernel.root + target, follow_symlinks=False)
    kernel.named(target)
    kernel.changed()


@syscall("symlink")
def _symlink(kernel: Kernel, process: Process, target: str, path: str) -> None:
    if target.startswith("/"):
        target = kernel.root + target
    real.symlink(target, kernel.root + path)
    kernel.named(path)
    kernel.changed(real.lstat(kernel.root + path).st_ino, process)


@syscall("readlink")
def _readlink(kernel: Kernel, process: Process, path: str) -> str:
    if path.startswith("/proc/"):
        return kernel.readlink_proc(path)
    target = real.readlink(kernel.root + path)
    return target.removeprefix(kernel.root) if target.startswith(kernel.root) else target


@syscall("mkdir")
def _mkdir(kernel: Kernel, process: Process, path: str, mode: int) -> None:
    real.mkdir(kernel.root + path, 0o700)
    kernel.named(path)
    real.chmod(kernel.root + path, mode & ~process.umask & 0o7777)
    kernel.changed(real.lstat(kernel.root + path).st_ino, process)


@syscall("rmdir")
def _rmdir(kernel: Kernel, process: Process, path: str) -> None:
    loser = real.lstat(kernel.root + path)
    real.rmdir(kernel.root + path)
    kernel.changed()
    kernel.lost_a_name(loser)


@syscall("listdir")
def _listdir(kernel: Kernel, process: Process, path: str) -> tuple[str, ...]:
    if path == "/proc":
        return kernel.list_proc()
    return tuple(sorted(real.listdir(kernel.root + path)))


@syscall("scandir")
def _scandir(kernel: Kernel, process: Process, path: str) -> tuple[tuple[str, str], ...]:
    with real.scandir(kernel.root + path) as entries:
        return tuple(sorted((entry.name, _kind(entry)) for entry in entries))


def _kind(entry: Any) -> str:
    if entry.is_symlink():
        return "link"
    return "dir" if entry.is_dir() else "file"


@syscall("chmod")
def _chmod(kernel: Kernel, process: Process, path: str, mode: int) -> None:
    real.chmod(kernel.root + path, mode)
    kernel.changed()


@syscall("fchmod")
def _fchmod(kernel: Kernel, process: Process, fd: int, mode: int) -> None:
    real.fchmod(_real(process, fd), mode)
    kernel.changed()


@syscall("utime")
def _utime(kernel: Kernel, process: Process, path: str, mtime: int | None) -> None:
    inode = kernel.inode(real.stat(kernel.root + path).st_ino)
    inode.mtime = kernel.clock if mtime is None else mtime
    kernel.changed()


@syscall("umask")
def _umask(kernel: Kernel, process: Process, mask: int) -> int:
    before, process.umask = process.umask, mask & 0o777
    return before
