"""The calls about names: what a path stands for, links, directories, permission bits and times."""

from __future__ import annotations

import errno
import os
import stat as st
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from stateful.kernel import real
from stateful.kernel.files import is_nameless, is_there, on_disk, open_file, real_fd, syscall
from stateful.kernel.permissions import (
    READ,
    SEARCH,
    WRITE,
    allows,
    check,
    check_linking,
    check_making,
    check_owner,
    check_taking,
    find,
    made_by,
    owns,
)
from stateful.kernel.status import Inode, altered, date_folder, now, status
from stateful.model.call import UnmodelledSyscall
from stateful.model.listing import SORTED, keeps_order, put_in_order
from stateful.model.machine import ROOT

if TYPE_CHECKING:
    from stateful.kernel.files import OpenFile
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process


@syscall("stat")
def _stat(kernel: Kernel, process: Process, path: str, follow: bool) -> tuple[int, ...]:
    if kernel.proc and f"{path}/".startswith("/proc/"):
        return kernel.stat_proc(process, path)
    where = on_disk(kernel, process, path, follows=follow)
    return status(kernel, real.stat(where) if follow else real.lstat(where), where)


def _owned(kernel: Kernel, process: Process, path: str) -> tuple[int, int, int]:
    """The kind and permission bits of what a path names, its user and its group.

    No inode number is assigned to it.
    """
    if kernel.proc and f"{path}/".startswith("/proc/"):
        mode, _, _, _, uid, gid, *_ = kernel.stat_proc(process, path)
        return mode, uid, gid
    found = real.stat(on_disk(kernel, process, path, follows=True))
    inode = kernel.inode(found.st_ino)
    return st.S_IFMT(found.st_mode) | inode.mode, inode.uid, inode.gid


@syscall("access")
def _access(kernel: Kernel, process: Process, path: str, mode: int) -> bool:
    try:
        owned = _owned(kernel, process, path)
    except OSError:
        return False
    return allows(process, *owned, mode)


@syscall("chdir")
def _chdir(kernel: Kernel, process: Process, path: str) -> str:
    """Work in a folder from now on; answers its path without symbolic links."""
    owned = _owned(kernel, process, path)
    if not st.S_ISDIR(owned[0]):
        raise OSError(errno.ENOTDIR, "")
    if not allows(process, *owned, SEARCH):
        raise OSError(errno.EACCES, "")
    root = os.path.realpath(kernel.root)
    process.folder_of_work = os.path.realpath(root + path).removeprefix(root) or "/"
    return process.folder_of_work


@syscall("truncate")
def _truncate(kernel: Kernel, process: Process, path: str, length: int) -> None:
    where = on_disk(kernel, process, path, follows=True)
    before = real.stat(where)
    if not st.S_ISDIR(before.st_mode):
        check(process, kernel.inode(before.st_ino), WRITE)
    real.truncate(where, length)
    kernel.changed(before.st_ino, process)


@syscall("unlink")
def _unlink(kernel: Kernel, process: Process, path: str) -> None:
    where = on_disk(kernel, process, path, False)
    removed = real.lstat(where)
    real.unlink(where)
    _removed(kernel, path, removed)


@syscall("rename")
def _rename(kernel: Kernel, process: Process, source: str, target: str) -> None:
    _refuse_skeleton(kernel, source, "renamed")
    from_, old = find(kernel, process, source, follows=False)
    to, new = find(kernel, process, target, follows=False)
    kept = real.lstat(from_)
    try:
        removed = real.lstat(to)
    except OSError:
        removed = None
    if removed is None or removed.st_ino != kept.st_ino:
        moved = kernel.inode(kept.st_ino)
        check_taking(process, old, moved)
        if removed is None:
            check_making(process, new)
        else:
            check_taking(process, new, kernel.inode(removed.st_ino))
        if st.S_ISDIR(kept.st_mode) and old is not new:
            check(process, moved, WRITE, st.S_IFDIR)
    real.rename(from_, to)
    if removed is not None and removed.st_ino == kept.st_ino:
        return  # Two names of one file both stay, and nothing is changed.
    if removed is not None:
        _removed(kernel, target, removed)
    date_folder(kernel, source)
    _named(kernel, target, kept.st_ino)


@syscall("link")
def _link(kernel: Kernel, process: Process, file: str | int, target: str) -> None:
    to, folder = find(kernel, process, target, follows=False)
    if isinstance(file, int):
        if file not in process.fds:
            raise OSError(errno.ENOENT, "")  # as there is no such name in /proc/self/fd
        source = open_file(process, file, even_path=True)
        if source.real is None:
            raise OSError(errno.EXDEV, "")
        raw = real.fstat(source.real)
    else:
        where = on_disk(kernel, process, file)
        raw = real.lstat(where)
    if not is_there(kernel, target):
        check_linking(process, kernel.inode(raw.st_ino), raw.st_mode)
        check_making(process, folder)
    if isinstance(file, int):
        _link_open_file(source, to)
    else:
        real.link(where, to, follow_symlinks=False)
    _named(kernel, target, raw.st_ino)


def _link_open_file(file: OpenFile, where: str) -> None:
    """Give an open file a name: another one, or its first. One that has lost its last name gets none."""
    real.link(f"/proc/self/fd/{file.real}", where, src_dir_fd=file.real, follow_symlinks=True)
    if is_nameless(file.flags):
        file.flags |= real.O_EXCL  # With this flag it gets no name: nor does a file that has lost its own.


@syscall("symlink")
def _symlink(kernel: Kernel, process: Process, target: str, path: str) -> None:
    where = on_disk(kernel, process, path, True)
    real.symlink(kernel.root + target if target.startswith("/") else target, where)
    _own_new(kernel, process, path, where, 0o777)
    kernel.changed(real.lstat(where).st_ino, process)


def _own_new(kernel: Kernel, process: Process, path: str, where: str, mode: int) -> Inode:
    """Give a new folder or link to the process that made it."""
    folder = find(kernel, process, path, follows=False).folder
    number = real.lstat(where).st_ino
    inode = kernel.inode(number)
    inode.mode, (inode.uid, inode.gid) = mode, made_by(process, folder)
    _named(kernel, path, number)
    return inode


@syscall("readlink")
def _readlink(kernel: Kernel, process: Process, path: str) -> str:
    if kernel.proc and path.startswith("/proc/"):
        return kernel.readlink_proc(process, path)
    target = real.readlink(on_disk(kernel, process, path))
    return target.removeprefix(kernel.root) if target.startswith(kernel.root) else target


@syscall("mkdir")
def _mkdir(kernel: Kernel, process: Process, path: str, mode: int) -> None:
    where, folder = find(kernel, process, path, follows=False)
    if not is_there(kernel, path):
        check_making(process, folder)
    real.mkdir(where, 0o700)
    inherited = folder.mode & st.S_ISGID if folder is not None else 0
    _own_new(kernel, process, path, where, mode & ~process.umask & 0o1777 | inherited)
    kernel.changed(real.lstat(where).st_ino, process)


@syscall("rmdir")
def _rmdir(kernel: Kernel, process: Process, path: str) -> None:
    _refuse_skeleton(kernel, path, "removed")
    where = on_disk(kernel, process, path, False)
    removed = real.lstat(where)
    real.rmdir(where)
    _removed(kernel, path, removed)


def _named(kernel: Kernel, path: str, number: int) -> None:
    """Note that an inode has a new name."""
    kernel.named(path)
    date_folder(kernel, path)
    altered(kernel, number)
    kernel.changed()


def _removed(kernel: Kernel, path: str, inode: os.stat_result) -> None:
    """Note that an inode has lost a name."""
    date_folder(kernel, path)
    altered(kernel, inode.st_ino)
    kernel.changed()
    kernel.lost_a_name(inode)


def _refuse_skeleton(kernel: Kernel, path: str, doing: str) -> None:
    """Refuse to rename, remove or touch a folder that every machine has."""
    if path in kernel.skeleton:
        raise UnmodelledSyscall(f"the subject {doing} {path}, which is not modelled")


@syscall("listdir")
def _listdir(kernel: Kernel, process: Process, path: str) -> tuple[str, ...]:
    if kernel.proc and path == "/proc":
        return kernel.list_proc(process)
    return tuple(_in_order(kernel, path, real.listdir(_readable_folder(kernel, process, path))))


@syscall("scandir")
def _scandir(kernel: Kernel, process: Process, path: str) -> tuple[tuple[str, str], ...]:
    if kernel.proc and path == "/proc":
        return tuple((name, "dir") for name in kernel.list_proc(process))
    with real.scandir(_readable_folder(kernel, process, path)) as entries:
        kinds = {entry.name: _kind(entry) for entry in entries}
    return tuple((name, kinds[name]) for name in _in_order(kernel, path, kinds))


def choose_order(kernel: Kernel, folder: str, order: str) -> bool:
    """Choose the order of the names in a folder; False if it is known already, or there is no such folder."""
    found = kernel.disk().file(folder)
    is_one = folder in kernel.skeleton or (found is not None and found.kind == "dir")
    return is_one and kernel.orders.setdefault(folder, order) == order


def _in_order(kernel: Kernel, folder: str, names: Collection[str]) -> list[str]:
    """The names in a folder as it lists them; which order it has is decided when it first lists two."""
    if len(names) > 1 and keeps_order(folder):
        kernel.orders.setdefault(folder, SORTED)
    return put_in_order(names, kernel.orders.get(folder, SORTED))


def _readable_folder(kernel: Kernel, process: Process, path: str) -> str:
    where = on_disk(kernel, process, path, follows=True)
    found = real.stat(where)
    if st.S_ISDIR(found.st_mode):
        check(process, kernel.inode(found.st_ino), READ, st.S_IFDIR)
    return where


def _kind(entry: Any) -> str:
    if entry.is_symlink():
        return "link"
    return "dir" if entry.is_dir() else "file"


@syscall("chmod")
def _chmod(kernel: Kernel, process: Process, path: str, mode: int) -> None:
    _set_mode(kernel, process, real.stat(on_disk(kernel, process, path, follows=True)).st_ino, mode)


@syscall("fchmod")
def _fchmod(kernel: Kernel, process: Process, fd: int, mode: int) -> None:
    _set_mode(kernel, process, real.fstat(real_fd(process, fd)).st_ino, mode)


def _set_mode(kernel: Kernel, process: Process, number: int, mode: int) -> None:
    inode = kernel.inode(number)
    check_owner(process, inode)
    if process.uid != ROOT and process.gid != inode.gid:
        mode &= ~st.S_ISGID
    if inode.serial < 0 and mode != inode.mode:
        raise UnmodelledSyscall(
            f"the subject changed the mode of a folder that every machine has, to {mode:#o}, "
            "which is not modelled"
        )
    inode.mode = mode
    altered(kernel, number)
    kernel.changed()


@syscall("chown")
def _chown(kernel: Kernel, process: Process, path: str, uid: int, gid: int, follow: bool) -> None:
    where = on_disk(kernel, process, path, follows=follow)
    _set_owner(kernel, process, real.stat(where) if follow else real.lstat(where), uid, gid)


@syscall("fchown")
def _fchown(kernel: Kernel, process: Process, fd: int, uid: int, gid: int) -> None:
    _set_owner(kernel, process, real.fstat(real_fd(process, fd)), uid, gid)


def _set_owner(kernel: Kernel, process: Process, raw: Any, uid: int, gid: int) -> None:
    """Give a file to a user and a group; -1 leaves one as it is. Executable files lose set-user-id bits."""
    inode = kernel.inode(raw.st_ino)
    if process.uid != ROOT and (uid, gid) != (-1, -1):
        is_allowed = (
            process.uid == inode.uid and uid in (-1, inode.uid) and gid in (-1, inode.gid, process.gid)
        )
        if not is_allowed:
            raise OSError(errno.EPERM, "")
    if inode.serial < 0:
        raise UnmodelledSyscall(
            "the subject gave away a folder that every machine has, which is not modelled"
        )
    inode.uid, inode.gid = inode.uid if uid == -1 else uid, inode.gid if gid == -1 else gid
    if not st.S_ISDIR(raw.st_mode):
        inode.mode &= ~(st.S_ISUID | (st.S_ISGID if inode.mode & st.S_IXGRP else 0))
    altered(kernel, raw.st_ino)
    kernel.changed()


@syscall("utime")
def _utime(kernel: Kernel, process: Process, file: str | int, mtime: int | None, atime: int | None) -> None:
    if isinstance(file, int):
        number = real.fstat(real_fd(process, file)).st_ino
    else:
        _refuse_skeleton(kernel, file, "set the time of")
        number = real.stat(on_disk(kernel, process, file, follows=True)).st_ino
    inode = kernel.inode(number)
    if mtime is not None:
        check_owner(process, inode)
    elif not owns(process, inode):
        check(process, inode, WRITE)
    inode.mtime = now(kernel) if mtime is None else mtime
    inode.atime = now(kernel) if atime is None else atime
    altered(kernel, number)
    kernel.changed()


@syscall("umask")
def _umask(kernel: Kernel, process: Process, mask: int) -> int:
    before, process.umask = process.umask, mask & 0o777
    return before
