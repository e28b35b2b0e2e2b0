"""The contents of the disk as an immutable value, which is compared, hashed and shown."""

from __future__ import annotations

import re
from typing import NamedTuple

from stateful.model.machine import HOME as HOME
from stateful.model.machine import USER
from stateful.model.roles import Letter, Number, Sorted, Text

LIMIT_CONTENT_BYTES = 1 << 20
NOWHERE = b"nowhere"  # the target of a link by which an operator replaces a file
DIARY = "/home/user/diary"  # a file that no process of the gateway has made: a planted link leads there
EMPTY_LINE = b"\n"  # its content in the place of an empty file; else it has the content of that file


class File(NamedTuple):
    """A file, directory or link: its kind, permission bits, user, group and content (the target of a link).

    ``writer`` is the letter of the live process that wrote to it last, or None; it is None after an append to
    existing content, which may hold the bytes of several processes. ``label`` is the inode number that
    processes see; None if no process has looked at it. The times are in nanoseconds;
    None where no process looks at them, see ``Kernel.dated``.
    """

    kind: Text
    mode: Number
    content: bytes
    writer: Letter | None
    label: Number | None
    mtime: Number | None
    ctime: Number | None
    atime: Number | None
    uid: Number = USER
    gid: Number = USER

    def undated(self) -> File:
        """The file as it is where processes look only at the time of the last write."""
        return self._replace(mtime=None if self.kind == "dir" else self.mtime, ctime=None, atime=None)


class Disk(NamedTuple):
    """Every name on the disk and its file; names of one inode share a serial number.

    Attributes:
        names: (virtual path, serial of the inode), sorted.
        files: (serial, file), sorted; open files without a name are included.
    """

    names: Sorted[tuple[Text, Number]]
    files: tuple[tuple[Number, File], ...]

    def file(self, path: str) -> File | None:
        """The file with a path, or None."""
        return self.by_path().get(path)

    def is_misused(self) -> bool:
        """Whether it has a link to nowhere that an operator made."""
        return any(file.kind == "link" and file.content == NOWHERE for _, file in self.files)

    def planted(self) -> list[str]:
        """The paths of the links that lead to the diary."""
        target = DIARY.encode()
        links = [serial for serial, file in self.files if file.content == target and file.kind == "link"]
        return [path for path, serial in self.names if serial in links] if links else []

    def by_path(self) -> dict[str, File]:
        """The files that have a name, by path."""
        files = dict(self.files)
        return {path: files[serial] for path, serial in self.names}

    def visible(self) -> tuple[tuple[str, str, int, int, int, bytes], ...]:
        """What a process that reads everything can see: names, kinds, modes, users, groups and contents.

        Folders with random names in ``/tmp`` are left out: they concern only the processes that made them.
        """
        return tuple(
            (path, file.kind, file.mode, file.uid, file.gid, file.content)
            for path, file in self.by_path().items()
            if temporary_folder(path) is None
        )

    def written_by(self, letter: str) -> dict[str, File]:
        """The non-empty files whose last writer is a process, by path."""
        return {path: file for path, file in self.by_path().items() if file.writer == letter and file.content}


NO_DISK = Disk((), ())


_RANDOM_NAME = re.compile(r"/tmp/tmp[a-z0-9_]{8}(?=/|$)")


def temporary_folder(path: str) -> str | None:
    """The folder in ``/tmp``, named by ``tempfile``, that contains a path; None if there is none."""
    found = _RANDOM_NAME.match(path)
    return found and found[0]


def home_files(disk: Disk) -> list[str]:
    """The names of the files in the home."""
    return [path.removeprefix(f"{HOME}/") for path, _ in disk.names if path.startswith(f"{HOME}/")]
