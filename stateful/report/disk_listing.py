"""Lists the disk at each moment of a replayed trace, name by name, and the changes of each step.

Shown: names, kinds, contents, which process has locked a file, and files without a name that are still open.
Not shown: permission bits, times and inode numbers; no counterexample has depended on them so far.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from stateful.explain.disk_words import shown, shown_path
from stateful.explain.words import content_text
from stateful.model.disk import HOME, Disk, File
from stateful.model.trace import Standing, Trace

LONGEST_BESIDE_A_STEP: Final = 40
NAMELESS: Final = "has no name any more, but is open"
_KINDS: Final = {"dir": "folder", "link": "link", "other": "neither file nor folder"}


class ListedFile(NamedTuple):
    """A name on the disk.

    Attributes:
        kind: empty for a file.
        serial: identifies the inode: another file under the same name has another serial.
        short, content: the content, in a few words and in full.
        locked_by: the letters of the processes that hold a lock on it.
    """

    name: str
    kind: str
    serial: int
    short: str
    content: str
    locked_by: tuple[str, ...]

    @property
    def is_nameless(self) -> bool:
        """Whether the file has no name any more; it is then listed under its last name."""
        return self.kind == NAMELESS


class Change(NamedTuple):
    """What a step did to a name: ``+`` made it, ``-`` removed it, ``~`` changed its file or content."""

    sign: str
    name: str
    content: str


def listing(trace: Trace) -> list[tuple[ListedFile, ...]]:
    """The entries before the first step and after each, by name; the home is listed only if it is gone."""
    names: dict[int, str] = {}
    listings = []
    for disk, living in zip(trace.disks, trace.living, strict=True):
        listings.append(_list(disk, living, names))
        names = {**names, **{serial: path for path, serial in disk.names}}
    return listings


def changed(before: tuple[ListedFile, ...], after: tuple[ListedFile, ...]) -> tuple[Change, ...]:
    """The names that differ between two listings; locks do not count, since their calls are shown."""
    was, is_ = ({entry.name: entry for entry in each if not entry.is_nameless} for each in (before, after))
    changes = []
    for name in sorted({*was, *is_}):
        old, new = was.get(name), is_.get(name)
        if new is None:
            changes.append(Change("-", name, ""))
        elif old is None:
            changes.append(Change("+", name, new.kind or cut(new.short)))
        elif (old.kind, old.serial, old.content) != (new.kind, new.serial, new.content):
            changes.append(Change("~", name, new.kind or cut(new.short)))
    return tuple(changes)


def cut(text: str) -> str:
    """A text, shortened to fit beside a step."""
    return text if len(text) <= LONGEST_BESIDE_A_STEP else f"{text[: LONGEST_BESIDE_A_STEP - 3]}..."


def _list(disk: Disk, living: dict[str, Standing], names: dict[int, str]) -> tuple[ListedFile, ...]:
    entries = [_entry(path, serial, file, living) for path, serial, file in _named(disk) if path != HOME]
    if disk.file(HOME) is None:
        entries.append(ListedFile(". (the home)", "is gone", -1, "", "", ()))
    named = {serial for _, serial in disk.names}
    for serial, file in disk.files:
        if serial not in named:
            entries.append(_entry(names.get(serial, "?"), serial, file, living)._replace(kind=NAMELESS))
    return tuple(sorted(entries))


def _named(disk: Disk) -> list[tuple[str, int, File]]:
    files = dict(disk.files)
    return [(path, serial, files[serial]) for path, serial in disk.names]


def _entry(path: str, serial: int, file: File, living: dict[str, Standing]) -> ListedFile:
    locked_by = tuple(letter for letter, standing in living.items() if serial in standing.locks)
    short = content_text(file.content, "")
    kind = _KINDS.get(file.kind, "")
    return ListedFile(shown_path(path), kind, serial, short, shown(file.content), locked_by)
