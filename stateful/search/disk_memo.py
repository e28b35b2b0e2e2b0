"""Memo of runs alone: a process need not run on a disk that it cannot tell from one it has run on.

A process is a function of the answers that it gets. If all other processes are dead, and so hold no open
file and no lock, the answers depend on the disk, and besides it on little, which many states share. So if a
process has run on one disk, and everything that it looked at is the same on another, it does the same there.
Its first look does not depend on the disk; each later look depends on what it saw before. So the runs form a
tree, which is walked with a disk in hand.

Looks include, erring on the side of too much: the kind, mode, user, group and other names of every file on a
path; the content, times, inode number and subfolders of what was opened, changed or asked for its size; the
names, kinds and modes in a folder that was listed, moved or removed. If a symbolic link may be involved,
nothing is learnt.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from stateful.model.call import Call, Errno
from stateful.model.disk import Disk
from stateful.model.syscalls import SYSCALLS, Kind, Use
from stateful.model.usage import uses

NAME, CONTENT, FOLDER, LINK = "name", "content", "folder", "link"
Broken = tuple[str, ...]  # the invariants that a run breaks
UNKNOWN: Final = ("unknown",)


class Look(NamedTuple):
    """Something on the initial disk that a process looked at."""

    what: str
    path: str

    def sees(self, disk: Disk) -> Any:
        """What a process sees there on a disk."""
        if self.what == FOLDER:
            inside = [path for path, _ in disk.names if path.startswith(f"{self.path}/")]
            files = disk.by_path()
            return tuple((path, files[path].kind, files[path].mode) for path in inside)
        serial = dict(disk.names).get(self.path)
        if serial is None:
            return None
        file = dict(disk.files)[serial]
        if self.what == CONTENT:
            folders = _subfolders(disk, self.path) if file.kind == "dir" else 0
            return file.content, file[4:], folders
        return (
            file.kind,
            file.mode,
            file.uid,
            file.gid,
            tuple(path for path, other in disk.names if other == serial),
        )


def _subfolders(disk: Disk, folder: str) -> int:
    """How many folders there are in a folder, which its number of links tells."""
    inside = (path for path, _ in disk.names if path.rpartition("/")[0] == folder)
    return sum(disk.by_path()[path].kind == "dir" for path in inside)


class _Fork:
    """A look; what was seen there leads to the next look, or to the answer of the run."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self.forks: dict[Any, _Fork] = {}
        self.ends: dict[Any, Broken] = {}


class DiskMemo:
    """The answers of runs of one life, by what they saw."""

    def __init__(self) -> None:
        self._first: _Fork | None = None

    def answer(self, disk: Disk) -> Broken:
        """The answer of a run on a disk that looks the same; UNKNOWN if there was none."""
        fork = self._first
        while fork is not None:
            seen = fork.look.sees(disk)
            if seen in fork.ends:
                return fork.ends[seen]
            fork = fork.forks.get(seen)
        return UNKNOWN

    def learn(self, found: Disk, looks: Sequence[Look], answer: Broken) -> None:
        """Note the answer of a run that found a disk and made these looks, in this order."""
        if not looks or any(look.what == LINK for look in looks):
            return
        fork = self._first = self._first or _Fork(looks[0])
        for look in looks[1:]:
            fork = fork.forks.setdefault(fork.look.sees(found), _Fork(look))
            if fork.look != look:
                return  # A new file got the serial number of a file of the found disk in one of the two runs.
        fork.ends[fork.look.sees(found)] = answer


def looks_of(call: Call, answer: Any, found: Disk, now: Disk) -> Iterator[Look]:
    """What a call looked at of the disk that the process found; the disk may have changed since."""
    if SYSCALLS[call.name].has(Kind.TEXT):
        yield Look(LINK, "")
    for kind, path, use in uses(call):
        if kind is not Kind.PATH or path.startswith("/proc/"):
            continue
        folders = path.split("/")
        for end in range(2, len(folders) + 1):
            yield Look(NAME, "/".join(folders[:end]))
        if use & (Use.LISTS | Use.TAKES):  # Moving or removing a folder depends on its content.
            yield Look(FOLDER, path)
        if use & (Use.READS | Use.INSPECTS | Use.CUTS) and not isinstance(answer, Errno):
            serial = dict(now.names).get(path)
            if serial is None:  # A folder that every machine has.
                yield Look(FOLDER, path)
            yield from (Look(CONTENT, was) for was, inode in found.names if inode == serial)
    if any(file.kind == "link" for _, file in found.files):
        yield Look(LINK, "")
