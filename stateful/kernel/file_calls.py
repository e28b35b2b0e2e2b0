"""The entry points of ``os`` and ``fcntl`` that reach files, as a simulated process sees them.

Each function turns Python's arguments into a canonical call, and the kernel's answer into what the
real function returns. Paths of the host are read there and never written.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from stateful.kernel import real
from stateful.kernel.files import STANDARD_STREAMS
from stateful.kernel.locks import DROPPED
from stateful.kernel.paths import above_host, on_host, virtual_path
from stateful.kernel.refusal import AT_HOME, advice, refuse

if TYPE_CHECKING:
    from stateful.kernel.process import Process

EntryPoint = Callable[..., Any]
Function = TypeVar("Function", bound=EntryPoint)
FILE_CALLS: dict[str, EntryPoint] = {}
FCNTL_CALLS: dict[str, EntryPoint] = {}
ONLY_AT_OPEN = os.O_CLOEXEC | os.O_CREAT | os.O_EXCL | os.O_NOCTTY | os.O_TRUNC


def _os(function: Function) -> Function:
    FILE_CALLS[function.__name__.rstrip("_")] = function
    return function


def _path(process: Process, path: Any, dir_fd: int | None, doing: str) -> str:
    """The virtual path of a call that changes what is there."""
    where = virtual_path(process, path, dir_fd)
    if on_host(where):
        refuse(process, f"tried to {doing} {where}, which is outside its home directory", AT_HOME)
    return where


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


def _folder(process: Process, path: Any) -> str:
    """The virtual path of a folder that is named by a path or a descriptor."""
    if not isinstance(path, int):
        return virtual_path(process, path)
    where = str(process.call("fdpath", path))
    if not where:
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    return where


@_os
def open_(process: Process, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    where = virtual_path(process, path, dir_fd)
    if on_host(where):
        refuse(process, f"opened {where} with os.open(), which is outside its home directory", AT_HOME)
    if where in ("/dev/null", "/dev/tty"):
        refuse(process, f"opened {where}, a device, which is not modelled", advice("os.open"))
    return int(process.call("open", where, flags | os.O_CLOEXEC, mode & 0o7777))


@_os
def close(process: Process, fd: int) -> None:
    if fd not in STANDARD_STREAMS:
        process.call("close", fd)


@_os
def dup(process: Process, fd: int) -> int:
    return int(process.call("dup", fd))


@_os
def read(process: Process, fd: int, length: int) -> bytes:
    if length < 0:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return bytes(process.call("read", fd, length))


@_os
def pread(process: Process, fd: int, length: int, offset: int) -> bytes:
    return bytes(process.call("pread", fd, length, offset))


@_os
def write(process: Process, fd: int, data: Any) -> int:
    content = bytes(memoryview(data))
    if fd in STANDARD_STREAMS:
        return len(content)
    return int(process.call("write", fd, content))


@_os
def pwrite(process: Process, fd: int, data: Any, offset: int) -> int:
    return int(process.call("pwrite", fd, bytes(memoryview(data)), offset))


@_os
def sendfile(process: Process, out_fd: int, in_fd: int, offset: int | None, count: int) -> int:
    return int(process.call("sendfile", out_fd, in_fd, offset, count))


@_os
def lseek(process: Process, fd: int, position: int, whence: int) -> int:
    return int(process.call("lseek", fd, position, whence))


@_os
def ftruncate(process: Process, fd: int, length: int) -> None:
    process.call("ftruncate", fd, length)


@_os
def truncate(process: Process, path: Any, length: int) -> None:
    if isinstance(path, int):
        process.call("ftruncate", path, length)
    else:
        process.call("truncate", _path(process, path, None, "truncate"), length)


@_os
def fsync(process: Process, fd: Any) -> None:
    process.call("fsync", descriptor(fd))


@_os
def fdatasync(process: Process, fd: Any) -> None:
    process.call("fdatasync", descriptor(fd))


def _stat_result(fields: tuple[int, ...]) -> os.stat_result:
    seconds = fields[7] // 1_000_000
    times = {
        name: value
        for prefix in ("st_atime", "st_mtime", "st_ctime")
        for name, value in ((prefix, fields[7] / 1_000_000), (f"{prefix}_ns", fields[7] * 1000))
    }
    return os.stat_result((*fields[:7], seconds, seconds, seconds), times)


@_os
def stat(
    process: Process, path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True
) -> os.stat_result:
    if isinstance(path, int):
        return fstat(process, path)
    where = virtual_path(process, path, dir_fd)
    if on_host(where) or above_host(where):
        found = process.outside(real.stat if follow_symlinks else real.lstat, where)
        assert isinstance(found, os.stat_result)
        return found
    return _stat_result(process.call("stat", where, bool(follow_symlinks)))


@_os
def lstat(process: Process, path: Any, *, dir_fd: int | None = None) -> os.stat_result:
    return stat(process, path, dir_fd=dir_fd, follow_symlinks=False)


@_os
def fstat(process: Process, fd: int) -> os.stat_result:
    return _stat_result(process.call("fstat", fd))


@_os
def access(
    process: Process,
    path: Any,
    mode: int,
    *,
    dir_fd: int | None = None,
    effective_ids: bool = False,
    follow_symlinks: bool = True,
) -> bool:
    where = virtual_path(process, path, dir_fd)
    if on_host(where):
        return bool(process.outside(os.path.exists, where)) and not mode & os.W_OK
    return bool(process.call("access", where, mode))


@_os
def unlink(process: Process, path: Any, *, dir_fd: int | None = None) -> None:
    process.call("unlink", _path(process, path, dir_fd, "remove"))


FILE_CALLS["remove"] = unlink


@_os
def rename(
    process: Process,
    src: Any,
    dst: Any,
    *,
    src_dir_fd: int | None = None,
    dst_dir_fd: int | None = None,
) -> None:
    source = _path(process, src, src_dir_fd, "rename")
    process.call("rename", source, _path(process, dst, dst_dir_fd, "rename to"))


FILE_CALLS["replace"] = rename


@_os
def link(
    process: Process,
    src: Any,
    dst: Any,
    *,
    src_dir_fd: int | None = None,
    dst_dir_fd: int | None = None,
    follow_symlinks: bool = True,
) -> None:
    source = _path(process, src, src_dir_fd, "link")
    process.call("link", source, _path(process, dst, dst_dir_fd, "link to"))


@_os
def symlink(
    process: Process,
    src: Any,
    dst: Any,
    target_is_directory: bool = False,
    *,
    dir_fd: int | None = None,
) -> None:
    target, where = os.fsdecode(src), _path(process, dst, dir_fd, "make a link at")
    landing = virtual_path(process, f"{os.path.dirname(where)}/{target}")
    if (target.startswith("/") and on_host(target)) or landing.startswith("/.."):
        refuse(process, f"made a link to {target}, which is outside its home directory", AT_HOME)
    process.call("symlink", target, where)


@_os
def readlink(process: Process, path: Any, *, dir_fd: int | None = None) -> str:
    where = virtual_path(process, path, dir_fd)
    if on_host(where) or above_host(where):
        return str(process.outside(real.readlink, where))
    return str(process.call("readlink", where))


@_os
def mkdir(process: Process, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
    process.call("mkdir", _path(process, path, dir_fd, "make a directory at"), mode & 0o7777)


@_os
def rmdir(process: Process, path: Any, *, dir_fd: int | None = None) -> None:
    process.call("rmdir", _path(process, path, dir_fd, "remove the directory"))


@_os
def listdir(process: Process, path: Any = ".") -> list[Any]:
    where = _folder(process, path)
    if on_host(where):
        return sorted(process.outside(real.listdir, where))
    names = list(process.call("listdir", where))
    return list(map(os.fsencode, names)) if isinstance(path, bytes) else names


class DirectoryEntry:
    """What ``os.scandir`` yields: the kind is known from the listing, ``stat`` is a call."""

    def __init__(self, process: Process, path: str, where: str, kind: str) -> None:
        self.name = os.path.basename(path)
        self.path = path
        self._where = where
        self._process = process
        self._kind = kind

    def __fspath__(self) -> str:
        return self.path

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        if self._kind == "link" and follow_symlinks:
            return os.path.isdir(self._where)
        return self._kind == "dir"

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        if self._kind == "link" and follow_symlinks:
            return os.path.isfile(self._where)
        return self._kind == "file"

    def is_symlink(self) -> bool:
        return self._kind == "link"

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return stat(self._process, self._where, follow_symlinks=follow_symlinks)

    def inode(self) -> int:
        return self.stat(follow_symlinks=False).st_ino


class Listing:
    """The iterator and context manager that ``os.scandir`` returns."""

    def __init__(self, entries: list[DirectoryEntry]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[DirectoryEntry]:
        return self._entries

    def __next__(self) -> DirectoryEntry:
        return next(self._entries)

    def __enter__(self) -> Listing:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


@_os
def scandir(process: Process, path: Any = ".") -> Any:
    where = _folder(process, path)
    if on_host(where):
        return process.outside(real.scandir, where)
    folder = "" if isinstance(path, int) else os.fsdecode(os.fspath(path))
    found = process.call("scandir", where)
    return Listing(
        [DirectoryEntry(process, os.path.join(folder, name), f"{where}/{name}", kind) for name, kind in found]
    )


@_os
def chmod(
    process: Process,
    path: Any,
    mode: int,
    *,
    dir_fd: int | None = None,
    follow_symlinks: bool = True,
) -> None:
    if isinstance(path, int):
        process.call("fchmod", path, mode & 0o7777)
    else:
        process.call("chmod", _path(process, path, dir_fd, "chmod"), mode & 0o7777)


@_os
def fchmod(process: Process, fd: int, mode: int) -> None:
    process.call("fchmod", fd, mode & 0o7777)


@_os
def utime(
    process: Process,
    path: Any,
    times: tuple[float, float] | None = None,
    *,
    ns: tuple[int, int] | None = None,
    dir_fd: int | None = None,
    follow_symlinks: bool = True,
) -> None:
    if times is not None and ns is not None:
        raise ValueError("utime: you may specify either 'times' or 'ns' but not both")
    mtime = ns[1] // 1000 if ns else int(times[1] * 1_000_000) if times else None
    file = path if isinstance(path, int) else _path(process, path, dir_fd, "touch")
    process.call("utime", file, mtime)


@_os
def umask(process: Process, mask: int) -> int:
    return int(process.call("umask", mask))


@_os
def isatty(process: Process, fd: int) -> bool:
    return False


@_os
def get_inheritable(process: Process, fd: int) -> bool:
    return not process.call("fdpath", fd)


@_os
def set_inheritable(process: Process, fd: int, inheritable: bool) -> None:
    """Nothing is inherited here: a simulated process has no children."""
    process.call("fdpath", fd)


@_os
def getcwd(process: Process) -> str:
    return process.folder_of_work


@_os
def chdir(process: Process, path: Any) -> None:
    where = _folder(process, path)
    if on_host(where):
        refuse(process, f"went to {where}, which is outside its home directory", AT_HOME)
    process.call("chdir", where)
    process.folder_of_work = where


@_os
def fchdir(process: Process, fd: Any) -> None:
    chdir(process, descriptor(fd))


def flock(process: Process, fd: Any, operation: int) -> None:
    number = descriptor(fd)
    while process.call("flock", number, int(operation)) == DROPPED:
        pass


def lockf(process: Process, fd: Any, cmd: int, len: int = 0, start: int = 0, whence: int = 0) -> None:
    number = descriptor(fd)
    if cmd & ~fcntl.LOCK_NB not in (fcntl.LOCK_SH, fcntl.LOCK_EX) and cmd != fcntl.LOCK_UN:
        raise ValueError("unrecognized lockf argument")
    process.call("lockf", number, int(cmd), len, start, whence)


def fcntl_(process: Process, fd: Any, cmd: int, arg: Any = 0) -> Any:
    """The commands that only concern the descriptor; locks through ``fcntl`` have ``lockf``."""
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
