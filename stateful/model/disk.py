"""What stands on the disk, as a value: compared, hashed and shown, never changed."""

from __future__ import annotations

import re
from typing import NamedTuple

from stateful.model.roles import Letter, Number, Sorted, Text

HOME = "/home/user/.hermes"
LIMIT_CONTENT_BYTES = 1 << 20
NOWHERE = b"nowhere"  # what a link points to that an operator puts in the place of a file


class File(NamedTuple):
    """A file, directory or link: its kind, permission bits and content (a link's is its target).

    ``writer`` is the letter of the process that lives and last wrote to it, or None; a file at whose end
    several have written is nobody's. ``label`` is the inode number that processes have seen, if any has.
    """

    kind: Text
    mode: Number
    content: bytes
    writer: Letter | None
    label: Number | None
    mtime: Number


class Disk(NamedTuple):
    """Every name on the disk and what it stands for; names of one inode share a serial number.

    Attributes:
        names: (virtual path, serial of the inode), sorted.
        files: (serial, file), sorted; open files without a name are among them.
    """

    names: Sorted[tuple[Text, Number]]
    files: tuple[tuple[Number, File], ...]

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
