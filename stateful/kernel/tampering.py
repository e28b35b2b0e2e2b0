"""What somebody's hand does to the simulated disk: names are removed, and files overwritten or replaced."""

from __future__ import annotations

import os
import stat as st
from typing import TYPE_CHECKING

from stateful.kernel import real
from stateful.kernel.files import is_there
from stateful.kernel.status import date_folder, now
from stateful.model.disk import NOWHERE

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel


def remove_path(kernel: Kernel, path: str) -> None:
    """Remove a name; if it names a folder, with everything in it."""
    for inside in reversed(kernel.disk().by_path()):
        if inside == path or inside.startswith(f"{path}/"):
            where = kernel.root + inside
            removed = real.lstat(where)
            (real.rmdir if st.S_ISDIR(removed.st_mode) else real.unlink)(where)
            kernel.lost_a_name(removed)
            date_folder(kernel, inside)
    kernel.changed()


def overwrite(kernel: Kernel, path: str, content: bytes) -> None:
    """Overwrite a file, which keeps its inode; make one if there is none."""
    made = not is_there(kernel, path)
    fd = real.open(kernel.root + path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    real.write(fd, content)
    inode = kernel.inode(real.fstat(fd).st_ino)
    inode.writer, inode.mtime, inode.ctime = None, now(kernel), now(kernel)
    real.close(fd)
    if made:
        date_folder(kernel, path)
    kernel.named(path)
    kernel.changed()


def put_in_place(kernel: Kernel, path: str, kind: str) -> None:
    """Replace a file by a folder or a dangling link."""
    remove_path(kernel, path)
    where = kernel.root + path
    if kind == "directory":
        real.mkdir(where, 0o700)
    else:
        real.symlink(os.fsdecode(NOWHERE), where)
        kernel.has_links()
    kernel.inode(real.lstat(where).st_ino).mode = 0o700
    date_folder(kernel, path)
    kernel.named(path)
    kernel.changed()
