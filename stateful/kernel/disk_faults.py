"""What an operator or a broken disk does to files of the home, with no process of ours having a part in it.

Who has a removed file open goes on with it: its inode lives until the last descriptor is closed.
"""

from __future__ import annotations

import os
import stat as st
from typing import TYPE_CHECKING

from stateful.kernel import real
from stateful.model.disk import HOME, NOWHERE

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel


def remove(kernel: Kernel, path: str) -> None:
    """Take a name away, and a folder with everything in it."""
    for inside in reversed(kernel.disk().by_path()):
        if inside == path or inside.startswith(f"{path}/"):
            where = kernel.root + inside
            loser = real.lstat(where)
            (real.rmdir if st.S_ISDIR(loser.st_mode) else real.unlink)(where)
            kernel.lost_a_name(loser)
    kernel.changed()


def overwrite(kernel: Kernel, path: str, content: bytes) -> None:
    """Put other bytes into a file, which stays the same file; make one where there is none."""
    fd = real.open(kernel.root + path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    real.write(fd, content)
    inode = kernel.inode(real.fstat(fd).st_ino)
    inode.writer, inode.mtime = None, kernel.now
    real.close(fd)
    kernel.named(path)
    kernel.changed()


def put_in_place(kernel: Kernel, path: str, kind: str) -> None:
    """Put a folder or a dangling link in the place of a file."""
    remove(kernel, path)
    where = kernel.root + path
    if kind == "directory":
        real.mkdir(where, 0o700)
    else:
        real.symlink(os.fsdecode(NOWHERE), where)
        kernel.has_links()
    kernel.inode(real.lstat(where).st_ino).mode = 0o700
    kernel.named(path)
    kernel.changed()


def take_links_away(kernel: Kernel) -> None:
    """Take the links away that were put in the place of files."""
    for path, file in kernel.disk().by_path().items():
        if file.kind == "link" and file.content == NOWHERE:
            remove(kernel, path)


def make_home(kernel: Kernel) -> None:
    """An empty home, in which nobody has been."""
    real.mkdir(kernel.root + HOME, 0o700)
    kernel.inode(real.lstat(kernel.root + HOME).st_ino).mode = 0o700
    kernel.named(HOME)
    kernel.changed()
