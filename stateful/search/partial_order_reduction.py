"""Which steps no other process can see, so that their order among the others' steps does not matter.

Such a step commutes with every step and fault of the other processes: it reads what nobody changes and
changes what nobody reads. The search lets the process make it at once instead of branching. A step that
begins or ends ownership, or ends the process, is never one.

Unseen: closing a descriptor that holds no lock; syncing a file, unless power may be lost; reading ``/proc``
about oneself; whatever is done in a folder of ``/tmp`` with a random name, of which nobody else knows, unless
a disk may fill up there, or the time that is stamped there may differ.

A signal that ends a process commutes with such a step as a kill does. One that is handled does not: the
handler may see what has been done. So in a search in which anybody sends a signal, no step of a process
that has a handler, or installs one with the step, is unseen.
"""

from __future__ import annotations

from typing import Any

from stateful.model.call import Call
from stateful.model.disk import Disk, temporary_folder
from stateful.model.families import FAMILIES
from stateful.model.lifecycle import Entry
from stateful.model.scenario import Scenario
from stateful.model.schedule import LETTERS, Move
from stateful.model.syscalls import CHANGES, SYSCALLS, Kind, Use
from stateful.model.usage import paths, sends_signal, use_of, uses
from stateful.search.memory import Memory
from stateful.search.search_state import State


class Exposed(Exception):
    """Somebody looks at another process's folder in ``/tmp``, or for one, which the search did not expect."""


class Signalled(Exception):
    """Somebody sends a signal, which the search did not expect when it let unseen steps be made at once."""


class Unseen:
    """Tells the unseen steps of one search, and stops it where what it goes by turns out to be wrong.

    Attributes:
        exposed: somebody looks at folders of others in ``/tmp``, so that no step there is unseen.
        signalled: somebody sends a signal, so that nobody's steps are who handles signals.
    """

    def __init__(self, memory: Memory, *, exposed: bool, signalled: bool) -> None:
        self.exposed = exposed
        self.signalled = signalled
        self._memory = memory
        self._temporary = _Temporary()
        self._unseen: dict[tuple[int, bool], bool] = {}  # what depends on nothing but the local state

    def hides(self, state: State, move: Move) -> bool:
        """Whether nobody else can see the step of a process that has begun, nor that it has been made."""
        memory = self._memory
        index = LETTERS.index(move.letter)
        local = state.locals[index]
        value, view = memory.local(local), memory.view(local)
        call, own = memory.pending(value), memory.own(value)
        if memory.loses_power and SYSCALLS[call.name].syncs:
            return False  # A power loss sees it.
        key = (local, memory.locks_records(state, view.letter))
        unseen = self._unseen.get(key)
        if unseen is None:
            unseen = self._unseen[key] = _is_unseen(call, own, view.pid, key[1])
        if memory.machine.reuses_inodes and use_of(call) & CHANGES:
            return False  # Which inode number is free depends on it.
        if not unseen and self.exposed:
            return False
        if not unseen and not self._temporary.is_private(local, view.letter, call, own, memory.disk(state)):
            return False
        if memory.entry(state, view.letter).signals:
            return False  # Its handler runs first, and whatever that calls is made with this step.
        effect = memory.effect(state, move)
        if effect is None:
            return False
        after = memory.view(effect.after.locals[index])
        if (after.phase, after.outcome) != (view.phase, view.outcome):
            return False
        if not self.signalled:
            return True
        entry = memory.entry(state, view.letter)
        return entry == memory.entry(effect.after, view.letter) and not _handles_signals(entry)

    def look(self, letter: str, call: Call) -> None:
        """Raise Exposed where a call is one that the search did not expect."""
        if not self.exposed:
            self._temporary.check(letter, call)

    def check(self, letter: str, call: Call) -> None:
        """Raise Exposed or Signalled where a call is one that the search did not expect."""
        self.look(letter, call)
        if not self.signalled and sends_signal(call):
            raise Signalled


def exposes(scenario: Scenario) -> bool:
    """Whether faults may happen with which a step in a private folder does not commute."""
    return any(family in FAMILIES and FAMILIES[family].exposes for family in scenario.plan)


def _handles_signals(entry: Entry) -> bool:
    """Whether a process has asked for a handler of its own."""
    return any(disposition == "handler" for _, disposition in entry.dispositions)


def _is_unseen(call: Call, own: Any, pid: int, locks_records: bool) -> bool:
    """Whether no other process can see a call, given the caller's own state of the kernel.

    ``locks_records`` says whether the caller holds any ``lockf`` lock, which closing a file may drop.
    """
    said = SYSCALLS[call.name]
    if said.syncs:
        return True
    named = tuple(uses(call))
    if not named or use_of(call) & ~Use.RELEASES & CHANGES:
        return False
    return all(
        _about_oneself(value, pid) if kind is Kind.PATH else _is_own(own, value, use, pid, locks_records)
        for kind, value, use in named
    )


def _is_own(own: Any, fd: int, use: Use, pid: int, locks_records: bool) -> bool:
    """Whether what a call does to a descriptor concerns its own process alone."""
    file = _open_file(own, fd)
    if file is None:
        return False
    if file[0] == "proc":
        sees_clock = bool(use & Use.READS) and file[1] == "/proc/stat"
        return _about_oneself(file[1], pid) and not sees_clock
    return use == Use.RELEASES and file[3] is None and not locks_records


def _open_file(own: Any, fd: int) -> Any:
    """What a process has behind a descriptor, as ``kernel.state`` describes it."""
    return next((file for number, file in own[1] if number == fd), None)


class _Temporary:
    """Whose the folders with random names in ``/tmp`` are: of those whose steps there were hurried."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._about: dict[int, tuple[str | None, frozenset[int]]] = {}  # by local state
        self._harmless: set[tuple[str, Call]] = set()  # calls that have been checked
        self._shared = False  # some name or time elsewhere may depend on what is done there

    def is_private(self, local: int, letter: str, call: Call, own: Any, disk: Disk) -> bool:
        """Whether a call is about such a folder of its caller's, and about nothing else.

        It is not where a file in there has another name elsewhere, or was moved away while it is open.
        """
        if local not in self._about:
            self._about[local] = _about_one_folder(call, own)
        folder, open_there = self._about[local]
        if self._shared or folder is None:
            return False
        inside = f"{folder}/"
        serials = {serial for path, serial in disk.names if path.startswith(inside)} | open_there
        if any(serial in serials and not path.startswith(inside) for path, serial in disk.names):
            return False
        if folder not in self._owners:
            self._harmless.clear()
        return self._owners.setdefault(folder, letter) == letter

    def check(self, letter: str, call: Call) -> None:
        """Raise Exposed where a call may concern a folder of another process."""
        if (letter, call) in self._harmless:
            return
        said = SYSCALLS[call.name]
        folders = {temporary_folder(path) for path in paths(call)}
        if said.has(Kind.TEXT) or said.passes_time or (len(folders) > 1 and folders != {None}):
            # A file there gets a name elsewhere, a name there leads elsewhere, or what is stamped there
            # depends on when it is done.
            self._shared = True
            if self._owners:
                raise Exposed
        for path in paths(call):
            owner = self._owners.get(str(temporary_folder(path)), letter)
            if owner != letter or (path == "/tmp" and self._owners):
                raise Exposed
        self._harmless.add((letter, call))


def _about_one_folder(call: Call, own: Any) -> tuple[str | None, frozenset[int]]:
    """The private folder that a call is about, and the serials of the files there that it has open.

    None where the call is about anything else, too.
    """
    folders, serials = set(), set()
    for kind, value, use in uses(call):
        path = value
        if kind is Kind.FD:
            file = _open_file(own, value)
            path = file[1] if file is not None and file[3] is None and not use & Use.LOCKS else ""
            serials |= {file[0]} if file is not None else set()
        folders.add(temporary_folder(path))
    folder = folders.pop() if len(folders) == 1 else None
    return None if SYSCALLS[call.name].has(Kind.TEXT) else folder, frozenset(serials)


def _about_oneself(path: str, pid: int) -> bool:
    return path.startswith((f"/proc/{pid}/", "/proc/self/", "/proc/sys/", "/proc/stat"))
