"""The calls about names: what a path stands for, links, directories, permission bits and times."""

from __future__ import annotations

import errno
import stat as st
from typing import TYPE_CHECKING, Any

from stateful.kernel import real
from stateful.kernel.files import folder_mode, on_disk, real_fd, status, syscall
from stateful.model.call import UnmodelledSyscall

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process


@syscall("stat")
def _stat(kernel: Kernel, process: Process, path: str, follow: bool) -> tuple[int, ...]:
    if kernel.proc and f"{path}/".startswith("/proc/"):
        return kernel.stat_proc(process, path)
    where = on_disk(kernel, path)
    return status(kernel, real.stat(where) if follow else real.lstat(where))


def _mode(kernel: Kernel, process: Process, path: str) -> int:
    """The kind and permission bits of what a path names, without assigning an inode number to it."""
    if kernel.proc and f"{path}/".startswith("/proc/"):
        return kernel.stat_proc(process, path)[0]
    found = real.stat(on_disk(kernel, path))
    return st.S_IFMT(found.st_mode) | kernel.inode(found.st_ino).mode


@syscall("access")
def _access(kernel: Kernel, process: Process, path: str, mode: int) -> bool:
    try:
        bits = _mode(kernel, process, path)
    except OSError:
        return False
    return bool(bits >> 6 & mode == mode)


@syscall("chdir")
def _chdir(kernel: Kernel, process: Process, path: str) -> None:
    bits = _mode(kernel, process, path)
    if not st.S_ISDIR(bits):
        raise OSError(errno.ENOTDIR, "")
    if not bits & 0o100:
        raise OSError(errno.EACCES, "")


@syscall("truncate")
def _truncate(kernel: Kernel, process: Process, path: str, length: int) -> None:
    where = on_disk(kernel, path)
    before = real.stat(where)
    if not kernel.inode(before.st_ino).mode & 0o200 and not st.S_ISDIR(before.st_mode):
        raise OSError(errno.EACCES, "")
    real.truncate(where, length)
    kernel.changed(before.st_ino, process)


@syscall("unlink")
def _unlink(kernel: Kernel, process: Process, path: str) -> None:
    where = on_disk(kernel, path, False)
    removed = real.lstat(where)
    real.unlink(where)
    kernel.changed()
    kernel.lost_a_name(removed)


@syscall("rename")
def _rename(kernel: Kernel, process: Process, source: str, target: str) -> None:
    _refuse_skeleton(kernel, source, "renamed")
    from_, to = on_disk(kernel, source, False), on_disk(kernel, target, None)
    kept = real.lstat(from_)
    if kernel.closed and not folder_mode(kernel, target.rpartition("/")[0]) & 0o200:
        raise OSError(errno.EACCES, "")
    try:
        removed = real.lstat(to)
    except OSError:
        removed = None
    real.rename(from_, to)
    kernel.named(target)
    kernel.changed()
    if removed is not None and removed.st_ino != kept.st_ino:
        kernel.lost_a_name(removed)


@syscall("link")
def _link(kernel: Kernel, process: Process, source: str, target: str) -> None:
    real.link(on_disk(kernel, source), on_disk(kernel, target, True), follow_symlinks=False)
    kernel.named(target)
    kernel.changed()


@syscall("symlink")
def _symlink(kernel: Kernel, process: Process, target: str, path: str) -> None:
    where = on_disk(kernel, path, True)
    real.symlink(kernel.root + target if target.startswith("/") else target, where)
    inode = real.lstat(where).st_ino
    kernel.inode(inode).mode = 0o777
    kernel.named(path)
    kernel.changed(inode, process)


@syscall("readlink")
def _readlink(kernel: Kernel, process: Process, path: str) -> str:
    if kernel.proc and path.startswith("/proc/"):
        return kernel.readlink_proc(process, path)
    target = real.readlink(on_disk(kernel, path))
    return target.removeprefix(kernel.root) if target.startswith(kernel.root) else target


@syscall("mkdir")
def _mkdir(kernel: Kernel, process: Process, path: str, mode: int) -> None:
    where = on_disk(kernel, path, True)
    real.mkdir(where, 0o700)
    inode = real.lstat(where).st_ino
    _set_mode(kernel, inode, True, mode & ~process.umask & 0o1777)
    kernel.named(path)
    kernel.changed(inode, process)


@syscall("rmdir")
def _rmdir(kernel: Kernel, process: Process, path: str) -> None:
    _refuse_skeleton(kernel, path, "removed")
    where = on_disk(kernel, path, False)
    removed = real.lstat(where)
    real.rmdir(where)
    kernel.changed()
    kernel.lost_a_name(removed)


def _refuse_skeleton(kernel: Kernel, path: str, doing: str) -> None:
    """Refuse to rename, remove or touch a folder that every machine has."""
    if path in kernel.skeleton:
        raise UnmodelledSyscall(f"the subject {doing} {path}, which is not modelled")


@syscall("listdir")
def _listdir(kernel: Kernel, process: Process, path: str) -> tuple[str, ...]:
    if kernel.proc and path == "/proc":
        return kernel.list_proc(process)
    return tuple(sorted(real.listdir(_readable_folder(kernel, path))))


@syscall("scandir")
def _scandir(kernel: Kernel, process: Process, path: str) -> tuple[tuple[str, str], ...]:
    if kernel.proc and path == "/proc":
        return tuple((name, "dir") for name in kernel.list_proc(process))
    with real.scandir(_readable_folder(kernel, path)) as entries:
        return tuple(sorted((entry.name, _kind(entry)) for entry in entries))


def _readable_folder(kernel: Kernel, path: str) -> str:
    where = on_disk(kernel, path)
    if kernel.closed and not folder_mode(kernel, path) & 0o400:
        raise OSError(errno.EACCES, "")
    return where


def _kind(entry: Any) -> str:
    if entry.is_symlink():
        return "link"
    return "dir" if entry.is_dir() else "file"


@syscall("chmod")
def _chmod(kernel: Kernel, process: Process, path: str, mode: int) -> None:
    found = real.stat(on_disk(kernel, path))
    _set_mode(kernel, found.st_ino, st.S_ISDIR(found.st_mode), mode)


@syscall("fchmod")
def _fchmod(kernel: Kernel, process: Process, fd: int, mode: int) -> None:
    found = real.fstat(real_fd(process, fd))
    _set_mode(kernel, found.st_ino, st.S_ISDIR(found.st_mode), mode)


def _set_mode(kernel: Kernel, number: int, folder: bool, mode: int) -> None:
    inode = kernel.inode(number)
    if inode.serial < 0 and mode != inode.mode:
        raise UnmodelledSyscall(
            f"the subject changed the mode of a folder that every machine has, to {mode:#o}, "
            "which is not modelled"
        )
    inode.mode = mode
    if folder and mode & 0o700 != 0o700:
        kernel.closed = True
    kernel.changed()


@syscall("utime")
def _utime(kernel: Kernel, process: Process, file: str | int, mtime: int | None) -> None:
    if isinstance(file, int):
        number = real.fstat(real_fd(process, file)).st_ino
    else:
        _refuse_skeleton(kernel, file, "set the time of")
        number = real.stat(on_disk(kernel, file)).st_ino
    kernel.inode(number).mtime = kernel.now if mtime is None else mtime
    kernel.changed()


@syscall("umask")
def _umask(kernel: Kernel, process: Process, mask: int) -> int:
    before, process.umask = process.umask, mask & 0o777
    return before
