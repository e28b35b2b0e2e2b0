"""The entry points of ``os`` and ``fcntl`` that use a descriptor, as a simulated process sees them.

Each function turns Python's arguments into a canonical call, and the kernel's answer into the result of the
real function; those in ``path_calls`` and ``folder_calls`` do the same.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable
from operator import index
from typing import TYPE_CHECKING, Any, TypeVar

from stateful.kernel.files import STANDARD_STREAMS
from stateful.kernel.locks import DROPPED, QUEUED
from stateful.python.paths import holds_programs, is_elsewhere, is_program, on_host, virtual_path
from stateful.python.refusal import AT_HOME, advice, refuse

if TYPE_CHECKING:
    from stateful.python.interpreter import Interpreter

EntryPoint = Callable[..., Any]
Function = TypeVar("Function", bound=EntryPoint)
FILE_CALLS: dict[str, EntryPoint] = {}
FCNTL_CALLS: dict[str, EntryPoint] = {}
ONLY_AT_OPEN = os.O_CLOEXEC | os.O_CREAT | os.O_EXCL | os.O_NOCTTY | os.O_TRUNC


def _os(function: Function) -> Function:
    FILE_CALLS[function.__name__.rstrip("_")] = function
    return function


def descriptor(fd: Any) -> int:
    """The number of a descriptor, or of a file that has one."""
    if not isinstance(fd, int):
        if not hasattr(fd, "fileno"):
            raise TypeError("argument must be an int, or have a fileno() method.")
        fd = fd.fileno()
        assert isinstance(fd, int)
    if fd < 0:
        raise ValueError(f"file descriptor cannot be a negative integer ({fd})")
    return fd


@_os
def open_(
    process: Interpreter, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None
) -> int:
    where = virtual_path(process, path, dir_fd)
    if on_host(where):
        refuse(process, f"opened {where} with os.open(), which is outside its home directory", AT_HOME)
    if where in ("/dev/null", "/dev/tty"):
        refuse(process, f"opened {where}, a device, which is not modelled", advice("os.open"))
    if is_elsewhere(where, flags):
        refuse(process, f"opened {where} for writing, which is outside its home directory", AT_HOME)
    if is_program(where) or holds_programs(where):
        refuse(process, f"opened {where}, which is outside its home directory", AT_HOME)
    return int(process.call("open", where, flags | os.O_CLOEXEC, mode & 0o7777))


@_os
def close(process: Interpreter, fd: int) -> None:
    """Close a descriptor. One that the process does not have is no call: programs try all there may be."""
    number = index(fd)
    if number in process.held:
        process.call("close", number)
    elif number not in STANDARD_STREAMS:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


@_os
def closerange(process: Interpreter, fd_low: int, fd_high: int) -> None:
    for fd in sorted(process.held):
        if index(fd_low) <= fd < index(fd_high):
            with contextlib.suppress(OSError):
                process.call("close", fd)


@_os
def dup(process: Interpreter, fd: int) -> int:
    return int(process.call("dup", fd))


@_os
def read(process: Interpreter, fd: int, length: int) -> bytes:
    if length < 0:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return bytes(process.call("read", fd, length))


@_os
def pread(process: Interpreter, fd: int, length: int, offset: int) -> bytes:
    return bytes(process.call("pread", fd, length, offset))


@_os
def write(process: Interpreter, fd: int, data: Any) -> int:
    content = bytes(memoryview(data))
    if fd in STANDARD_STREAMS:
        return len(content)
    return int(process.call("write", fd, content))


@_os
def pwrite(process: Interpreter, fd: int, data: Any, offset: int) -> int:
    return int(process.call("pwrite", fd, bytes(memoryview(data)), offset))


@_os
def sendfile(process: Interpreter, out_fd: int, in_fd: int, offset: int | None, count: int) -> int:
    return int(process.call("sendfile", out_fd, in_fd, offset, count))


@_os
def copy_file_range(
    process: Interpreter,
    src: int,
    dst: int,
    count: int,
    offset_src: int | None = None,
    offset_dst: int | None = None,
) -> int:
    source, target, size = map(index, (src, dst, count))
    if size < 0:
        raise ValueError("negative value for 'count' not allowed")
    offset, start = (at if at is None else index(at) for at in (offset_src, offset_dst))
    return int(process.call("copy_file_range", target, source, offset, size, start))


@_os
def lseek(process: Interpreter, fd: int, position: int, whence: int) -> int:
    return int(process.call("lseek", fd, position, whence))


@_os
def ftruncate(process: Interpreter, fd: int, length: int) -> None:
    process.call("ftruncate", fd, length)


@_os
def fsync(process: Interpreter, fd: Any) -> None:
    process.call("fsync", descriptor(fd))


@_os
def fdatasync(process: Interpreter, fd: Any) -> None:
    process.call("fdatasync", descriptor(fd))


@_os
def fchmod(process: Interpreter, fd: int, mode: int) -> None:
    process.call("fchmod", fd, mode & 0o7777)


@_os
def fchown(process: Interpreter, fd: int, uid: int, gid: int) -> None:
    process.call("fchown", fd, uid, gid)


@_os
def umask(process: Interpreter, mask: int) -> int:
    return int(process.call("umask", mask))


@_os
def isatty(process: Interpreter, fd: int) -> bool:
    return False


@_os
def get_inheritable(process: Interpreter, fd: int) -> bool:
    return not process.call("fdpath", fd)


@_os
def set_inheritable(process: Interpreter, fd: int, inheritable: bool) -> None:
    """Has no effect beside the check of the descriptor: a simulated process has no children."""
    process.call("fdpath", fd)


def flock(process: Interpreter, fd: Any, operation: int) -> None:
    number = descriptor(fd)
    while process.call("flock", number, int(operation)) == DROPPED:
        pass


def lockf(process: Interpreter, fd: Any, cmd: int, len: int = 0, start: int = 0, whence: int = 0) -> None:
    number = descriptor(fd)
    if cmd & ~fcntl.LOCK_NB not in (fcntl.LOCK_SH, fcntl.LOCK_EX) and cmd != fcntl.LOCK_UN:
        raise ValueError("unrecognized lockf argument")
    while process.call("lockf", number, int(cmd), len, start, whence) == QUEUED:
        pass


def fcntl_(process: Interpreter, fd: Any, cmd: int, arg: Any = 0) -> Any:
    """The commands that only concern the descriptor; for locks there is ``lockf``."""
    number = descriptor(fd)
    process.call("fdpath", number)
    if cmd == fcntl.F_GETFL:
        return process.call("getfl", number) & ~ONLY_AT_OPEN
    if cmd not in (fcntl.F_GETFD, fcntl.F_SETFD):
        refuse(
            process,
            f"called fcntl.fcntl(fd, {cmd}), which is not modelled",
            "; fcntl.flock and fcntl.lockf are",
        )
    return fcntl.FD_CLOEXEC if cmd == fcntl.F_GETFD else 0


FCNTL_CALLS.update(flock=flock, lockf=lockf, fcntl=fcntl_)
