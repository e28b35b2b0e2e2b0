"""Permission checks: what a process may do with a file, by its user, its group and the permission bits.

As on Linux, path_resolution(7), inode(7), open(2), unlink(2), rename(2), link(2): root may do everything, but
execute only what some user may execute. A name in a sticky folder belongs to the user of the file, of the
folder, and root. Set as distributions do, proc_sys_fs(5): ``protected_symlinks`` is 1 (in a sticky folder
that all may write to, a link is followed only for its user, or if it is the folder's user's);
``protected_regular`` is 1 (O_CREAT does not open a file of another user there); ``protected_hardlinks`` is 1.

Simplified: a process has the groups of its user, which is one with the number of the user; there are no
capabilities, access control lists and set-user-id programs.
"""

from __future__ import annotations

import errno
import os
import stat as st
from typing import TYPE_CHECKING, Final, NamedTuple

from stateful.kernel import real
from stateful.model.machine import ROOT

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process
    from stateful.kernel.status import Inode

READ, WRITE, SEARCH = 4, 2, 1
MOST_LINKS: Final = 40
FOR_ALL_AND_STICKY: Final = st.S_ISVTX | st.S_IWOTH


class Place(NamedTuple):
    """Where the last name of a path stands.

    Attributes:
        where: the path on the host by which the call is made.
        folder: the record of the folder; None if it does not exist, so that the call itself fails.
    """

    where: str
    folder: Inode | None


def allows(process: Process, mode: int, uid: int, gid: int, wanted: int) -> bool:
    """Whether a file allows a process to read, write and search or execute it, as ``access`` writes this."""
    if process.uid == ROOT:
        return not wanted & SEARCH or st.S_ISDIR(mode) or bool(mode & 0o111)
    bits = mode >> 6 if process.uid == uid else mode >> 3 if process.gid == gid else mode
    return bits & wanted == wanted


def check(process: Process, inode: Inode, wanted: int, kind: int = 0) -> None:
    """Raise EACCES if a file does not allow a process what it wants; ``kind`` is S_IFDIR for a folder."""
    if not allows(process, kind | inode.mode, inode.uid, inode.gid, wanted):
        raise OSError(errno.EACCES, "")


def owns(process: Process, inode: Inode) -> bool:
    """Whether a process may do what only the user of a file may do, and root."""
    return process.uid in (ROOT, inode.uid)


def check_owner(process: Process, inode: Inode) -> None:
    """Raise EPERM if a process may not do what only the user of a file may do."""
    if not owns(process, inode):
        raise OSError(errno.EPERM, "")


def find(kernel: Kernel, process: Process, path: str, *, follows: bool = True) -> Place:
    """Look up all but the last name of a path, and follow links. Raises EACCES."""
    seen, folder = 0, kernel.inode_of("")
    at, names = "", path.split("/")[1:]
    while names:
        name = names.pop(0)
        check(process, folder, SEARCH, st.S_IFDIR)
        below = f"{at}/{name}"
        is_last = not names
        if below in kernel.skeleton and not is_last:
            at, folder = below, kernel.inode_of(below)
            continue
        if is_last and not follows:
            break
        try:
            found = real.lstat(kernel.root + below)
        except OSError:
            if not is_last:
                return Place(kernel.root + path, None)
            break
        if st.S_ISLNK(found.st_mode):
            seen += 1
            if seen > MOST_LINKS:
                break
            if is_last:
                _check_sticky(process, folder, kernel.inode(found.st_ino))
            target = real.readlink(kernel.root + below).removeprefix(kernel.root)
            names = os.path.normpath(os.path.join(at or "/", target)).split("/")[1:] + names
            at, folder = "", kernel.inode_of("")
        elif is_last:
            break
        elif not st.S_ISDIR(found.st_mode):
            return Place(kernel.root + path, None)
        else:
            at, folder = below, kernel.inode(found.st_ino)
    return Place(kernel.root + path, folder)


def _check_sticky(process: Process, folder: Inode, file: Inode) -> None:
    """Raise EACCES if nobody but the user of a link or file may follow or open it: it was planted, maybe."""
    if folder.mode & FOR_ALL_AND_STICKY == FOR_ALL_AND_STICKY and file.uid not in (process.uid, folder.uid):
        raise OSError(errno.EACCES, "")


def check_making(process: Process, folder: Inode | None) -> None:
    """Raise EACCES if a process may not make a name in a folder."""
    if folder is not None:
        check(process, folder, WRITE | SEARCH, st.S_IFDIR)


def check_taking(process: Process, folder: Inode | None, file: Inode) -> None:
    """Raise EACCES or EPERM if a process may not remove the name of a file from a folder."""
    check_making(process, folder)
    if folder is not None and folder.mode & st.S_ISVTX and not owns(process, file):
        check_owner(process, folder)


def check_opening(
    process: Process, folder: Inode | None, file: Inode, raw: int, wanted: int, makes: bool
) -> None:
    """Raise EACCES if a process may not open a file that is there, with O_CREAT or without."""
    if makes and folder is not None and st.S_ISREG(raw):
        _check_sticky(process, folder, file)
    check(process, file, wanted, st.S_IFMT(raw) & st.S_IFDIR)


def check_linking(process: Process, file: Inode, raw: int) -> None:
    """Raise EPERM if a process may not give another user's file another name: ``protected_hardlinks``."""
    is_safe = st.S_ISREG(raw) and not file.mode & st.S_ISUID
    is_safe = is_safe and file.mode & (st.S_ISGID | st.S_IXGRP) != st.S_ISGID | st.S_IXGRP
    if not (is_safe and allows(process, file.mode, file.uid, file.gid, READ | WRITE)):
        check_owner(process, file)


def made_by(process: Process, folder: Inode | None) -> tuple[int, int]:
    """The user and group of a file that a process makes; a folder with S_ISGID hands down its group."""
    inherits = folder is not None and folder.mode & st.S_ISGID
    return process.uid, folder.gid if folder is not None and inherits else process.gid
