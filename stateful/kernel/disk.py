"""What stands on the disk, as a value: compared, hashed and shown, never changed."""

from __future__ import annotations

import re
import stat as st
from typing import TYPE_CHECKING, NamedTuple

from stateful.kernel import real

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel

HOME = "/home/user/.hermes"
LIMIT_CONTENT_BYTES = 1 << 20
NOWHERE = b"nowhere"  # what a link points to that an operator puts in the place of a file


class File(NamedTuple):
    """A file, directory or link: its kind, permission bits and content (a link's is its target).

    ``writer`` is the letter of the process that lives and last wrote to it, or None; a file at whose end
    several have written is nobody's. ``label`` is the inode number that processes have seen, if any has.
    """

    kind: str
    mode: int
    content: bytes
    writer: str | None
    label: int | None
    mtime: int


class Disk(NamedTuple):
    """Every name on the disk and what it stands for; names of one inode share a serial number.

    Attributes:
        names: (virtual path, serial of the inode), sorted.
        files: (serial, file), sorted; open files without a name are among them.
    """

    names: tuple[tuple[str, int], ...]
    files: tuple[tuple[int, File], ...]

    def file(self, path: str) -> File | None:
        """The file that a path names, or None."""
        return self.by_path().get(path)

    def is_misused(self) -> bool:
        """Whether a link to nowhere stands where an operator put it."""
        return any(file.kind == "link" and file.content == NOWHERE for _, file in self.files)

    def by_path(self) -> dict[str, File]:
        """The files that have a name, by path."""
        files = dict(self.files)
        return {path: files[serial] for path, serial in self.names}

    def visible(self) -> tuple[tuple[str, str, int, bytes], ...]:
        """What a process that reads everything can tell: names, kinds, modes and contents.

        But for folders with random names in ``/tmp``, which concern those alone who made them.
        """
        return tuple(
            (path, file.kind, file.mode, file.content)
            for path, file in self.by_path().items()
            if temporary_folder(path) is None
        )

    def written_by(self, letter: str) -> dict[str, File]:
        """The non-empty files that a process wrote last, by path."""
        return {path: file for path, file in self.by_path().items() if file.writer == letter and file.content}


NO_DISK = Disk((), ())


_RANDOM_NAME = re.compile(r"/tmp/tmp[a-z0-9_]{8}(?=/|$)")


def temporary_folder(path: str) -> str | None:
    """The folder of ``/tmp`` with a name by ``tempfile`` in which a path is."""
    found = _RANDOM_NAME.match(path)
    return found and found[0]


def home_files(disk: Disk) -> list[str]:
    """The names of what stands in the home."""
    return [path.removeprefix(f"{HOME}/") for path, _ in disk.names if path.startswith(f"{HOME}/")]


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
        opened = real.dup(fd or 0) if where is None else real.open(where, 0)
        try:
            content = real.pread(opened, LIMIT_CONTENT_BYTES, 0)
        finally:
            real.close(opened)
    elif st.S_ISLNK(raw.st_mode):
        kind, content = "link", real.readlink(where or "").removeprefix(kernel.root).encode()
    elif st.S_ISDIR(raw.st_mode):
        kind = "dir"
    inode = kernel.inode(number)
    writer = inode.writer if content else None
    return File(kind, inode.mode, content, writer, inode.label, inode.mtime)
