"""Reads the contents of the simulated disk into a value."""

from __future__ import annotations

import os
import stat as st
from typing import TYPE_CHECKING

from stateful.kernel import real
from stateful.model.call import UnmodelledSyscall
from stateful.model.disk import LIMIT_CONTENT_BYTES, Disk, File

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel


def scan(kernel: Kernel) -> Disk:
    """Read the whole disk."""
    names: list[tuple[str, int]] = []
    files: dict[int, File] = {}
    folders = list(kernel.folders)
    found: list[tuple[str, int, str]] = []
    while folders:
        folder = folders.pop()
        with real.scandir(kernel.root + folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}"
                if path in kernel.skeleton:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path)
                found.append((path, entry.inode(), entry.path))
    for path, number, where in sorted(found):
        serial = kernel.inode(number).serial
        if serial not in files:
            files[serial] = _file(kernel, number, where, None)
        names.append((path, serial))
    for process in kernel.processes.values():
        for _, file in sorted(process.fds.items()):
            if file.real is None:
                continue
            serial = kernel.inode(file.inode).serial
            if serial >= 0 and serial not in files:
                files[serial] = _file(kernel, file.inode, None, file.real)
    return Disk(tuple(names), tuple(sorted(files.items())))


def _file(kernel: Kernel, number: int, where: str | None, fd: int | None) -> File:
    raw = real.lstat(where) if where is not None else real.fstat(fd or 0)
    content = b""
    kind = "other"
    if st.S_ISREG(raw.st_mode):
        kind = "file"
        if raw.st_size > LIMIT_CONTENT_BYTES:
            name = where.removeprefix(kernel.root) if where is not None else "a file without a name"
            raise UnmodelledSyscall(
                f"the subject made {name} {raw.st_size:,} bytes long; no more than "
                f"{LIMIT_CONTENT_BYTES:,} are modelled"
            )
        opened = real.dup(fd or 0) if where is None else real.open(where, 0)
        try:
            content = real.pread(opened, LIMIT_CONTENT_BYTES, 0)
        finally:
            real.close(opened)
    elif st.S_ISLNK(raw.st_mode):
        kind, content = "link", os.fsencode(real.readlink(where or "").removeprefix(kernel.root))
    elif st.S_ISDIR(raw.st_mode):
        kind = "dir"
    inode = kernel.inode(number)
    writer = inode.writer if content else None
    mtime, ctime, atime = (
        inode.times() if kernel.dated else (None if kind == "dir" else inode.mtime, None, None)
    )
    return File(kind, inode.mode, content, writer, inode.label, mtime, ctime, atime, inode.uid, inode.gid)
