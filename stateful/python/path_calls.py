"""The entry points of ``os`` that reach a file by its path, as a simulated process sees them.

Paths of the host are read on the host and never written.
"""

from __future__ import annotations

import errno
import math
import os
import re
from stat import S_IFDIR, S_IFREG, S_ISDIR, S_ISLNK
from typing import TYPE_CHECKING, Any, Final, cast
from zlib import crc32

from greenlet import getcurrent

from stateful.kernel import real
from stateful.kernel.status import BLOCK_BYTES, DEVICE, MICROSECOND, PROC_DEVICE
from stateful.model.clock import START
from stateful.model.machine import ROOT
from stateful.python.paths import above_host, holds_programs, is_program, on_host, virtual_path
from stateful.python.refusal import AT_HOME, refuse

if TYPE_CHECKING:
    from stateful.python.file_calls import EntryPoint
    from stateful.python.interpreter import Interpreter


FIRST_PROGRAM_LABEL: Final = 2_000_000
PROGRAM_BYTES: Final = 100_000
NANOSECONDS: Final = 1_000_000_000  # in a second
PROC_BLOCK_BYTES: Final = 1024
_OPEN_FILE: Final = re.compile(r"/proc/self/fd/([0-9]+)")


def changed_path(process: Interpreter, path: Any, dir_fd: int | None, doing: str) -> str:
    """The virtual path of a call that changes the path. Refuses paths of the host."""
    where = virtual_path(process, path, dir_fd)
    if on_host(where) or is_program(where) or holds_programs(where):
        refuse(process, f"tried to {doing} {where}, which is outside its home directory", AT_HOME)
    return where


class _Status:
    """What ``stat`` answers: an ``os.stat_result`` that notes whether the process looks at its times.

    The time of the last write to a file does not count.
    """

    __slots__ = ("_process", "_whole")

    def __init__(self, process: Interpreter, whole: os.stat_result) -> None:
        self._process = process
        self._whole = whole

    @property  # type: ignore[misc] # so that it counts as an instance
    def __class__(self) -> type:
        return os.stat_result

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("st_atime", "st_ctime")) or (
            name.startswith("st_mtime") and S_ISDIR(self._whole.st_mode)
        ):
            self._look()
        return getattr(self._whole, name)

    def _look(self) -> os.stat_result:
        if getcurrent() is self._process:
            self._process.dated = True
        return self._whole

    def __getitem__(self, at: Any) -> Any:
        return self._look()[at]

    def __iter__(self) -> Any:
        return iter(self._look())

    def __len__(self) -> int:
        return len(self._whole)

    def __eq__(self, other: object) -> bool:
        return tuple(self) == (tuple(other) if isinstance(other, tuple) else other)

    def __hash__(self) -> int:
        return hash(self._look())

    def __repr__(self) -> str:
        return repr(self._look())


def _installed(process: Interpreter, where: str) -> os.stat_result | None:
    """The status of a program, or of a folder of programs: made when the machine was, by root."""
    if not (is_program(where) or holds_programs(where)):
        return None
    kind = S_IFREG if is_program(where) else S_IFDIR
    label = FIRST_PROGRAM_LABEL + crc32(where.encode()) % 1_000_000
    times = (START.booted * MICROSECOND,) * 3
    return _stat_result(process, (kind | 0o755, label, DEVICE, 1, ROOT, ROOT, PROGRAM_BYTES, *times))


def _stat_result(process: Interpreter, fields: tuple[int, ...]) -> os.stat_result:
    more: dict[str, float] = {"st_rdev": 0, "st_blksize": BLOCK_BYTES, "st_blocks": _blocks(*fields[:7:6])}
    if fields[2] == PROC_DEVICE:
        more["st_blksize"] = PROC_BLOCK_BYTES
    for name, time in zip(("st_atime", "st_mtime", "st_ctime"), fields[7:], strict=True):
        seconds, rest = divmod(time, NANOSECONDS)
        more |= {name: seconds + 1e-9 * rest, f"{name}_ns": time}
    whole = os.stat_result((*fields[:7], *(time // NANOSECONDS for time in fields[7:])), more)
    return cast("os.stat_result", _Status(process, whole))


def _blocks(mode: int, size: int) -> int:
    """How many units of 512 bytes a file has, in whole blocks; the target of a link takes none."""
    return 0 if S_ISLNK(mode) else -(-size // BLOCK_BYTES) * (BLOCK_BYTES // 512)


def stat(
    process: Interpreter, path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True
) -> os.stat_result:
    if isinstance(path, int):
        return fstat(process, path)
    where = virtual_path(process, path, dir_fd)
    if on_host(where) or above_host(where, resolving=not follow_symlinks):
        found = process.outside(real.stat if follow_symlinks else real.lstat, where)
        assert isinstance(found, os.stat_result)
        return found
    installed = _installed(process, where)
    if installed is not None:
        return installed
    return _stat_result(process, process.call("stat", where, bool(follow_symlinks)))


def lstat(process: Interpreter, path: Any, *, dir_fd: int | None = None) -> os.stat_result:
    return stat(process, path, dir_fd=dir_fd, follow_symlinks=False)


def fstat(process: Interpreter, fd: int) -> os.stat_result:
    return _stat_result(process, process.call("fstat", fd))


def access(
    process: Interpreter,
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
    if _installed(process, where) is not None:
        return not mode & os.W_OK or process.uid == ROOT
    return bool(process.call("access", where, mode))


def unlink(process: Interpreter, path: Any, *, dir_fd: int | None = None) -> None:
    process.call("unlink", changed_path(process, path, dir_fd, "remove"))


def rename(
    process: Interpreter,
    src: Any,
    dst: Any,
    *,
    src_dir_fd: int | None = None,
    dst_dir_fd: int | None = None,
) -> None:
    source = changed_path(process, src, src_dir_fd, "rename")
    process.call("rename", source, changed_path(process, dst, dst_dir_fd, "rename to"))


def link(
    process: Interpreter,
    src: Any,
    dst: Any,
    *,
    src_dir_fd: int | None = None,
    dst_dir_fd: int | None = None,
    follow_symlinks: bool = True,
) -> None:
    by_descriptor = _OPEN_FILE.fullmatch(os.fsdecode(src))
    source: str | int
    if by_descriptor and follow_symlinks and (src_dir_fd is not None or dst_dir_fd is not None):
        source = int(by_descriptor[1])  # CPython follows links only if it is given a folder
    else:
        source = changed_path(process, src, src_dir_fd, "link")
    process.call("link", source, changed_path(process, dst, dst_dir_fd, "link to"))


def symlink(
    process: Interpreter,
    src: Any,
    dst: Any,
    target_is_directory: bool = False,
    *,
    dir_fd: int | None = None,
) -> None:
    target, where = os.fsdecode(src), changed_path(process, dst, dir_fd, "make a link at")
    landing = virtual_path(process, f"{os.path.dirname(where)}/{target}")
    if (target.startswith("/") and on_host(target)) or landing.startswith("/.."):
        refuse(process, f"made a link to {target}, which is outside its home directory", AT_HOME)
    process.call("symlink", target, where)


def readlink(process: Interpreter, path: Any, *, dir_fd: int | None = None) -> str | bytes:
    where = virtual_path(process, path, dir_fd)
    if on_host(where) or above_host(where, resolving=True):
        target = str(process.outside(real.readlink, where))
    elif _installed(process, where) is not None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    else:
        target = str(process.call("readlink", where))
    return os.fsencode(target) if isinstance(os.fspath(path), bytes) else target


def truncate(process: Interpreter, path: Any, length: int) -> None:
    if isinstance(path, int):
        process.call("ftruncate", path, length)
    else:
        process.call("truncate", changed_path(process, path, None, "truncate"), length)


def chmod(
    process: Interpreter,
    path: Any,
    mode: int,
    *,
    dir_fd: int | None = None,
    follow_symlinks: bool = True,
) -> None:
    if isinstance(path, int):
        process.call("fchmod", path, mode & 0o7777)
    else:
        process.call("chmod", changed_path(process, path, dir_fd, "chmod"), mode & 0o7777)


def chown(
    process: Interpreter,
    path: Any,
    uid: int,
    gid: int,
    *,
    dir_fd: int | None = None,
    follow_symlinks: bool = True,
) -> None:
    if isinstance(path, int):
        process.call("fchown", path, uid, gid)
    else:
        process.call("chown", changed_path(process, path, dir_fd, "chown"), uid, gid, bool(follow_symlinks))


def lchown(process: Interpreter, path: Any, uid: int, gid: int) -> None:
    chown(process, path, uid, gid, follow_symlinks=False)


def utime(
    process: Interpreter,
    path: Any,
    times: tuple[float, float] | None = None,
    *,
    ns: tuple[int, int] | None = None,
    dir_fd: int | None = None,
    follow_symlinks: bool = True,
) -> None:
    if times is not None and ns is not None:
        raise ValueError("utime: you may specify either 'times' or 'ns' but not both")
    atime, mtime = ns or (map(_nanoseconds, times) if times else (None, None))
    file = path if isinstance(path, int) else changed_path(process, path, dir_fd, "touch")
    process.call("utime", file, mtime, atime)


def _nanoseconds(seconds: float) -> int:
    """A time in whole nanoseconds, as CPython rounds it: down."""
    whole = math.floor(seconds)
    return whole * NANOSECONDS + math.floor((seconds - whole) * NANOSECONDS)


PATH_CALLS: dict[str, EntryPoint] = {
    "remove": unlink,
    "replace": rename,
    **{
        function.__name__: function
        for function in (
            stat,
            lstat,
            fstat,
            access,
            unlink,
            rename,
            link,
            symlink,
            readlink,
            truncate,
            chmod,
            chown,
            lchown,
            utime,
        )
    },
}
