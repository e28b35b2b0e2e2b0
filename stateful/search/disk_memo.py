"""Which disks a process that runs alone cannot tell apart, so that it need not run on each of them.

A process is a function of what it is told. Where everybody else is dead, and so holds nothing open and
nothing locked, that depends on the disk, and beside it on little that many states share. So where it has run
on one disk, and all that it looked at is the same on another, it does there what it did. What it looks at
first does not depend on the disk; what it looks at next depends on what it saw: its lives are a tree, which
is walked with a disk in hand.

Counted as looking, rather too much than too little: at the kind, mode and other names of whatever a path
leads through, at the content, time and inode number of what was opened, changed or asked for its size, at
the names, kinds and modes in a folder that was listed, moved or removed. Where a symbolic link may lead
somewhere, nothing is learnt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from stateful.model.call import Call, Errno
from stateful.model.disk import Disk
from stateful.model.syscalls import SYSCALLS, Kind, Use
from stateful.model.usage import uses

NAME, CONTENT, FOLDER, LINK = "name", "content", "folder", "link"
Broken = tuple[str, ...]  # the invariants that a life breaks
UNKNOWN: Final = ("unknown",)


class Look(NamedTuple):
    """What a process looked at of the disk that it found."""

    what: str
    path: str

    def sees(self, disk: Disk) -> Any:
        """What there is to see of it on a disk."""
        if self.what == FOLDER:
            inside = [path for path, _ in disk.names if path.startswith(f"{self.path}/")]
            files = disk.by_path()
            return tuple((path, files[path].kind, files[path].mode) for path in inside)
        serial = dict(disk.names).get(self.path)
        if serial is None:
            return None
        file = dict(disk.files)[serial]
        if self.what == CONTENT:
            return file.content, file.mtime, file.label
        return file.kind, file.mode, tuple(path for path, other in disk.names if other == serial)


class _Fork:
    """A look, and how it goes on from what was seen there: to another fork, or to what came of it."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.forks: dict[Any, _Fork] = {}
        self.ends: dict[Any, Broken] = {}


class DiskMemo:
    """What came of the lives of one kind, by what they saw."""

    def __init__(self) -> None:
        self._first: _Fork | None = None

    def answer(self, disk: Disk) -> Broken:
        """What came of a life on a disk that is alike; UNKNOWN where there was none."""
        fork = self._first
        while fork is not None:
            seen = fork.look.sees(disk)
            if seen in fork.ends:
                return fork.ends[seen]
            fork = fork.forks.get(seen)
        return UNKNOWN

    def learn(self, found: Disk, looks: Sequence[Look], answer: Broken) -> None:
        """Note what came of a life that found a disk and has looked at this, in this order."""
        if not looks or any(look.what == LINK for look in looks):
            return
        fork = self._first = self._first or _Fork(looks[0])
        for look in looks[1:]:
            fork = fork.forks.setdefault(fork.look.sees(found), _Fork(look))
            if fork.look != look:
                return  # A new file has the serial number of one that was found, here and not there.
        fork.ends[fork.look.sees(found)] = answer


def looks_of(call: Call, answer: Any, found: Disk, now: Disk) -> Iterator[Look]:
    """What a call looked at of the disk that a process found, which may be another one by now."""
    if SYSCALLS[call.name].has(Kind.TEXT):
        yield Look(LINK, "")
    for kind, path, use in uses(call):
        if kind is not Kind.PATH or path.startswith("/proc/"):
            continue
        folders = path.split("/")
        for end in range(2, len(folders) + 1):
            yield Look(NAME, "/".join(folders[:end]))
        if use & (Use.LISTS | Use.TAKES):  # A folder that is moved or removed is one with what is in it.
            yield Look(FOLDER, path)
        if use & (Use.READS | Use.INSPECTS | Use.CUTS) and not isinstance(answer, Errno):
            serial = dict(now.names).get(path)
            yield from (Look(CONTENT, was) for was, inode in found.names if inode == serial)
    if any(file.kind == "link" for _, file in found.files):
        yield Look(LINK, "")
