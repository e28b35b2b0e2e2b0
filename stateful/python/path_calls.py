"""The entry points of ``os`` that reach a file by its path, as a simulated process sees them.

Paths of the host are read on the host and never written.
"""

from __future__ import annotations

import errno
import os
import stat as stat_module
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from stateful.kernel import real
from stateful.kernel.files import DEVICE
from stateful.model.clock import START
from stateful.model.machine import ROOT
from stateful.python.paths import above_host, holds_programs, is_program, on_host, virtual_path
from stateful.python.refusal import AT_HOME, refuse

if TYPE_CHECKING:
    from stateful.python.file_calls import EntryPoint
    from stateful.python.interpreter import Interpreter


FIRST_PROGRAM_LABEL: Final = 2_000_000
PROGRAM_BYTES: Final = 100_000


def changed_path(process: Interpreter, path: Any, dir_fd: int | None, doing: str) -> str:
    """The virtual path of a call that changes the path. Refuses paths of the host."""
    where = virtual_path(process, path, dir_fd)
    if on_host(where) or is_program(where) or holds_programs(where):
        refuse(process, f"tried to {doing} {where}, which is outside its home directory", AT_HOME)
    return where


def _installed(where: str) -> os.stat_result | None:
    """The status of a program, or of a folder of programs: made when the machine was, by root."""
    if not (is_program(where) or holds_programs(where)):
        return None
    kind = stat_module.S_IFREG if is_program(where) else stat_module.S_IFDIR
    label = FIRST_PROGRAM_LABEL + crc32(where.encode()) % 1_000_000
    return _stat_result((kind | 0o755, label, DEVICE, 1, ROOT, ROOT, PROGRAM_BYTES, START.booted))


def _stat_result(fields: tuple[int, ...]) -> os.stat_result:
    seconds = fields[7] // 1_000_000
    times = {
        name: value
        for prefix in ("st_atime", "st_mtime", "st_ctime")
        for name, value in ((prefix, fields[7] / 1_000_000), (f"{prefix}_ns", fields[7] * 1000))
    }
    return os.stat_result((*fields[:7], seconds, seconds, seconds), times)


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
    installed = _installed(where)
    if installed is not None:
        return installed
    return _stat_result(process.call("stat", where, bool(follow_symlinks)))


def lstat(process: Interpreter, path: Any, *, dir_fd: int | None = None) -> os.stat_result:
    return stat(process, path, dir_fd=dir_fd, follow_symlinks=False)


def fstat(process: Interpreter, fd: int) -> os.stat_result:
    return _stat_result(process.call("fstat", fd))


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
    if _installed(where) is not None:
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


def readlink(process: Interpreter, path: Any, *, dir_fd: int | None = None) -> str:
    where = virtual_path(process, path, dir_fd)
    if on_host(where) or above_host(where, resolving=True):
        return str(process.outside(real.readlink, where))
    if _installed(where) is not None:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    return str(process.call("readlink", where))


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
    mtime = ns[1] // 1000 if ns else int(times[1] * 1_000_000) if times else None
    file = path if isinstance(path, int) else changed_path(process, path, dir_fd, "touch")
    process.call("utime", file, mtime)


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
