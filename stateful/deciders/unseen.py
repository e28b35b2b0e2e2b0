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

from stateful.deciders.memory import Memory
from stateful.deciders.state import State
from stateful.kernel.call import Call
from stateful.kernel.disk import temporary_folder
from stateful.kernel.persistence import SYNCS
from stateful.kernel.process import Entry
from stateful.running import LETTERS
from stateful.scenario import Scenario
from stateful.schedule import Move
from stateful.target import sends_signal


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

    def hides(self, state: State, move: Move) -> bool:
        """Whether nobody else can see the step of a process that has begun, nor that it has been made."""
        memory = self._memory
        index = LETTERS.index(move.letter)
        local = state.locals[index]
        value, view = memory.local(local), memory.view(local)
        call, own = memory.pending(value), memory.own(value)
        if memory.entry(state, view.letter).signals:
            return False  # Its handler runs first, and whatever that calls is made with this step.
        if memory.loses_power and call.name in SYNCS:
            return False  # A power loss sees it.
        unseen = _is_unseen(call, own, view.pid, memory.locks_records(state, view.letter))
        if not unseen and (self.exposed or not self._temporary.is_private(view.letter, call, own)):
            return False
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
    return not {"bad-disk", "clock-step"}.isdisjoint(scenario.plan)


def _handles_signals(entry: Entry) -> bool:
    """Whether a process has asked for a handler of its own."""
    return any(disposition == "handler" for _, disposition in entry.dispositions)


def _is_unseen(call: Call, own: Any, pid: int, locks_records: bool) -> bool:
    """Whether no other process can see a call, given the caller's own state of the kernel.

    ``locks_records`` says whether the caller holds any ``lockf`` lock, which closing a file may drop.
    """
    if call.name in ("fsync", "fdatasync"):
        return True
    if call.name in ("open", "stat", "readlink"):
        return _about_oneself(call.args[0], pid)
    if call.name in ("close", "read"):
        for fd, file in own[1]:
            if fd == call.args[0]:
                if file[0] == "proc":
                    sees_clock = call.name == "read" and file[1] == "/proc/stat"
                    return _about_oneself(file[1], pid) and not sees_clock
                return call.name == "close" and file[3] is None and not locks_records
    return False


class _Temporary:
    """Whose the folders with random names in ``/tmp`` are: of those whose steps there were hurried."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._shared = False  # some name or time elsewhere may depend on what is done there

    def is_private(self, letter: str, call: Call, own: Any) -> bool:
        """Whether a call is about such a folder of its caller's, and about nothing else."""
        if self._shared:
            return False
        if call.name in _ON_DESCRIPTORS:
            paths = [file[1] for fd, file in own[1] if fd == call.args[0] and file[3] is None]
        elif call.name in _ON_NAMES:
            paths = [path for path in call.args if isinstance(path, str)]
        else:
            return False
        folders = {temporary_folder(path) for path in paths}
        if len(folders) != 1 or None in folders:
            return False
        return self._owners.setdefault(str(folders.pop()), letter) == letter

    def check(self, letter: str, call: Call) -> None:
        """Raise Exposed where a call may be about a folder of somebody else's."""
        folders = {temporary_folder(path) for path in call.args if isinstance(path, str)}
        if call.name == "symlink" or call.name in _PASSES_TIME or (len(folders) > 1 and folders != {None}):
            # A file there gets a name elsewhere, a name there leads elsewhere, or what is stamped there
            # depends on when it is done.
            self._shared = True
            if self._owners:
                raise Exposed
        for path in call.args:
            if isinstance(path, str) and path.startswith("/tmp"):
                owner = self._owners.get(str(temporary_folder(path)), letter)
                if owner != letter or (path == "/tmp" and call.name in _LISTING and self._owners):
                    raise Exposed


_ON_DESCRIPTORS = frozenset("close read write fstat ftruncate fchmod scandir".split())
_ON_NAMES = frozenset("open stat access mkdir rmdir link unlink utime scandir listdir chmod chdir".split())
_PASSES_TIME = frozenset({"sleep", "select"})
_LISTING = frozenset({"open", "scandir", "listdir"})


def _about_oneself(path: str, pid: int) -> bool:
    return path.startswith((f"/proc/{pid}/", "/proc/self/", "/proc/sys/", "/proc/stat"))
