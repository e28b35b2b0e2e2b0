"""What the kernel records of a file beside its content, and what ``stat`` answers of it.

Times are in nanoseconds, by the wall clock, and as on a file system that is mounted with ``noatime``: no
reading changes one. Those of a folder that every machine has are now, since other programs make names there
all the time.

Sizes are as on ext4: blocks of 4,096 bytes, one for a folder, none for a link. A hole counts as allocated.
"""

from __future__ import annotations

import os
import stat as st
from typing import TYPE_CHECKING

from stateful.kernel import real
from stateful.model.machine import USER

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel

DEVICE, PROC_DEVICE = 1, 2  # the st_dev of every file, and of those of /proc
MICROSECOND = 1000  # in nanoseconds
BLOCK_BYTES = 4096  # also the size of a folder


class Inode:
    """What the kernel records of a real inode beside its content.

    Attributes:
        serial: the smallest number that no other live inode had when this one was made.
        mode: the permission bits.
        uid, gid: its user and group.
        label: the inode number that processes see, assigned when a process first looks.
        mtime, ctime, atime: when its content was changed, anything of it, and when it was read.
        opens: how many open file descriptions there are.
    """

    __slots__ = ("atime", "ctime", "gid", "label", "mode", "mtime", "opens", "serial", "uid", "writer")

    def __init__(self, serial: int, made: int, mode: int, uid: int = USER, gid: int = USER) -> None:
        self.serial = serial
        self.mode = mode
        self.uid, self.gid = uid, gid
        self.label: int | None = None
        self.mtime = self.ctime = self.atime = made
        self.writer: str | None = None
        self.opens = 0

    def times(self) -> tuple[int, int, int]:
        """When its content was changed, when anything of it was, and when it was read."""
        return self.mtime, self.ctime, self.atime


def now(kernel: Kernel) -> int:
    """The time with which a file is stamped."""
    return kernel.now * MICROSECOND


def date_folder(kernel: Kernel, path: str) -> None:
    """Note that a name was made in a folder or removed from it."""
    folder = path.rpartition("/")[0]
    if folder not in kernel.skeleton:
        inode = kernel.inode(real.stat(kernel.root + folder).st_ino)
        inode.mtime = inode.ctime = now(kernel)


def altered(kernel: Kernel, number: int) -> None:
    """Note that something other than the content of a file was changed: its mode, times or names."""
    kernel.inode(number).ctime = now(kernel)


def status(kernel: Kernel, raw: os.stat_result, where: str | int) -> tuple[int, ...]:
    """The fields of os.stat_result that a process may see, in its order.

    Args:
        raw: what the host says of the file.
        where: its path on the host, or a descriptor of it.
    """
    inode = kernel.inode(raw.st_ino)
    if inode.label is None:
        inode.label = kernel.next_label(inode)
    size, links = raw.st_size, raw.st_nlink
    if st.S_ISDIR(raw.st_mode):
        size, links = BLOCK_BYTES, links and 2 + _subfolders(where)
    elif st.S_ISLNK(raw.st_mode):
        target = os.fsdecode(real.readlink(str(where)))
        size = len(os.fsencode(target.removeprefix(kernel.root)))
    mode = st.S_IFMT(raw.st_mode) | inode.mode
    times = (now(kernel),) * 3
    if inode.serial >= 0:
        last = 0 if st.S_ISDIR(raw.st_mode) else inode.mtime
        times = (inode.atime, inode.mtime, inode.ctime) if kernel.dated else (last,) * 3
    return (mode, inode.label, DEVICE, links, inode.uid, inode.gid, size, *times)


def _subfolders(where: str | int) -> int:
    with real.scandir(where) as entries:
        return sum(entry.is_dir(follow_symlinks=False) for entry in entries)
