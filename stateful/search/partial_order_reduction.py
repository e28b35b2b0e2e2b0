"""Partial-order reduction: which steps are invisible to other processes, so that their order is irrelevant.

An invisible step commutes with every step and fault of the other processes: it reads what no other process
changes and changes what no other process reads. The search executes it at once instead of branching. A step
that begins or ends ownership, or ends the process, is never invisible.

Invisible: closing a descriptor that holds no lock; syncing a file, unless power may be lost; reading
``/proc`` about oneself; any call about a folder of ``/tmp`` with a random name, which no other process
knows, unless a fault may fill the disk there or change the time that is stamped there.

The silent calls after a step are made with it. If one of them, or the step itself, sees what other processes
change, the length of a file, or the time in a search in which it passes, the step is not invisible. Nor is it
if it is the first look at a file: then it decides which inode number the next file gets.

A signal that kills a process commutes with such a step as a kill does. A signal with a handler does not: the
handler may see what the step did. So no step of a process that handles a signal is invisible in a search in
which any process sends that signal; the world's signals arrive before invisible steps too. And a signal that
is handled in another way after a step than before it does not commute with that step, whoever sends it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stateful.kernel.process import NEVER_HANDLED, disposition_of
from stateful.model.call import Call
from stateful.model.disk import Disk, temporary_folder
from stateful.model.excuses import Reason
from stateful.model.families import FAMILIES, Plan
from stateful.model.faults import Aim
from stateful.model.scenario import Scenario
from stateful.model.schedule import LETTERS, Move
from stateful.model.syscalls import CHANGES, SYSCALLS, Kind, Use
from stateful.model.usage import finds_the_end, paths, signal_sent, tells_time, use_of, uses
from stateful.search.memory import Memory
from stateful.search.search_state import Local, State


class Exposed(Exception):
    """What invisible steps did can be seen: in a temporary folder, or because time passes."""


class Signalled(Exception):
    """A process sends a signal, but the search made invisible steps at once assuming that none does.

    Attributes:
        number: the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class PartialOrderReduction:
    """Finds the invisible steps of one search, and stops it if an assumption behind them proves wrong.

    Attributes:
        exposed: a process looks at temporary folders of others, so that no step there is invisible; or time
            passes, so that no step is with which a process reads a clock.
        signalled: the signals that processes send: no step of a process that handles one is invisible.

    Args:
        plans: the plans of faults of the search; the world sends the signals of these.
    """

    def __init__(
        self, memory: Memory, plans: Iterable[Plan], *, exposed: bool, signalled: frozenset[int]
    ) -> None:
        self.exposed = exposed
        self.signalled = signalled
        faults = (fault for plan in plans for family in plan for fault in FAMILIES[family].faults)
        self._arriving = signalled | {fault.number for fault in faults if fault.number} - NEVER_HANDLED
        self._memory = memory
        self._folders = _TemporaryFolders()
        self._time_passes = exposed
        self._hides_a_clock = False  # a clock was read with an invisible step
        self._invisible: dict[tuple[int, bool], bool] = {}  # as far as the local state decides

    def is_invisible(self, state: State, move: Move) -> bool:
        """Whether a step of a started process is invisible to other processes."""
        memory = self._memory
        index = LETTERS.index(move.letter)
        local = state.locals[index]
        value, view = memory.local(local), memory.view(local)
        call, own = memory.pending(value), memory.own(value)
        if memory.loses_power and SYSCALLS[call.name].syncs:
            return False  # A power loss makes it visible.
        key = (local, memory.locks_records(state, view.letter))
        invisible = self._invisible.get(key)
        if invisible is None:
            invisible = self._invisible[key] = _is_invisible_call(call, own, view.pid, key[1])
        if invisible and self._sees_time([call]):
            return False
        if memory.machine.reuses_inodes and use_of(call) & CHANGES:
            return False  # It decides which inode number is free.
        if not invisible and self.exposed:
            return False
        if not invisible and not self._folders.is_private(local, view.letter, call, own, memory.disk(state)):
            return False
        if memory.entry(state, view.letter).signals:
            return False  # The handler runs first, and its calls are made with this step.
        effect = memory.effect(state, move)
        if effect is None:
            return False
        after = memory.view(effect.after.locals[index])
        if (after.phase, after.outcome) != (view.phase, view.outcome):
            return False
        if memory.shared_state(state.shared).labels != memory.shared_state(effect.after.shared).labels:
            return False
        if self._sees_others(value, memory.local(effect.after.locals[index])):
            return False
        return not self._meets_a_signal(state, effect.after, view.letter)

    def _meets_a_signal(self, before: State, after: State, letter: str) -> bool:
        """Whether a signal that may arrive does something else right after a step than right before it."""
        if not self._arriving:
            return False
        was, now = (dict(self._memory.entry(state, letter).dispositions) for state in (before, after))
        if any(disposition_of(was, number) != disposition_of(now, number) for number in self._arriving):
            return True
        return any(disposition_of(was, number) == "handler" for number in self.signalled)

    def _sees_others(self, before: Local, after: Local) -> bool:
        """Whether a process sees what others change by the silent calls that it makes with a step."""
        calls = list(self._memory.silent_calls(before, after))
        return any(map(finds_the_end, calls)) or self._sees_time(calls)

    def _sees_time(self, calls: Iterable[Call]) -> bool:
        """Whether calls read a clock while time passes. If it does not, note that a clock was read."""
        if not any(map(tells_time, calls)):
            return False
        self._hides_a_clock = self._hides_a_clock or not self._time_passes
        return self._time_passes

    def look(self, letter: str, call: Call) -> None:
        """Raise Exposed if a call shows that the assumption about temporary folders, or time, is wrong."""
        if not self.exposed:
            self._folders.check(letter, call)
            if SYSCALLS[call.name].passes_time:
                self._time_passes = True
                if self._hides_a_clock:
                    raise Exposed

    def check(self, letter: str, call: Call) -> None:
        """Raise Exposed or Signalled if a call shows that an assumption of the search is wrong."""
        self.look(letter, call)
        number = signal_sent(call)
        if number and number not in NEVER_HANDLED and number not in self.signalled:
            raise Signalled(number)


def exposes(scenario: Scenario) -> bool:
    """Whether the plan has faults that do not commute with a step in a private folder."""
    faults = [fault for family in scenario.plan for fault in FAMILIES[family].faults]
    return any(fault.aim is Aim.MACHINE and fault.excuse in (Reason.CALLS, Reason.CLOCK) for fault in faults)


def _is_invisible_call(call: Call, own: Any, pid: int, locks_records: bool) -> bool:
    """Whether a call is invisible to other processes, given the caller's own kernel state.

    ``locks_records`` says whether the caller holds any ``lockf`` lock, which closing a file may drop.
    """
    said = SYSCALLS[call.name]
    if said.syncs:
        return True
    named = tuple(uses(call))
    if said.enters or not named or use_of(call) & ~Use.RELEASES & CHANGES:
        return False
    return all(
        _about_oneself(value, pid) if kind is Kind.PATH else _is_own(own, value, use, pid, locks_records)
        for kind, value, use in named
    )


def _is_own(own: Any, fd: int, use: Use, pid: int, locks_records: bool) -> bool:
    """Whether the use of a descriptor concerns only the calling process."""
    file = _open_file(own, fd)
    if file is None:
        return False
    if file[0] == "proc":
        sees_clock = bool(use & Use.READS) and file[1] == "/proc/stat"
        return _about_oneself(file[1], pid) and not sees_clock
    return use == Use.RELEASES and file[3] is None and not locks_records


def _open_file(own: Any, fd: int) -> Any:
    """The open file behind a descriptor of a process, as ``kernel.state`` describes it."""
    return next((file for number, file in own[1] if number == fd), None)


class _TemporaryFolders:
    """Maps each temporary folder to the process whose steps in it were executed without branching."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}
        self._about: dict[int, tuple[str | None, frozenset[int]]] = {}  # by local state
        self._harmless: set[tuple[str, Call]] = set()  # calls that have been checked
        self._shared = False  # a name or a time elsewhere may depend on steps in these folders

    def is_private(self, local: int, letter: str, call: Call, own: Any, disk: Disk) -> bool:
        """Whether a call is about a temporary folder of its caller, and about nothing else.

        Not if a file in it has another name elsewhere, or was moved away while it is open.
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
        """Raise Exposed if a call may concern a folder of another process."""
        if (letter, call) in self._harmless:
            return
        said = SYSCALLS[call.name]
        folders = {temporary_folder(path) for path in paths(call)}
        if said.has(Kind.TEXT) or said.passes_time or (len(folders) > 1 and folders != {None}):
            # A file there gets a name elsewhere, a link there leads elsewhere, or the time stamped there
            # depends on when the call is made.
            self._shared = True
            if self._owners:
                raise Exposed
        for path in paths(call):
            owner = self._owners.get(str(temporary_folder(path)), letter)
            if owner != letter or (path == "/tmp" and self._owners):
                raise Exposed
        self._harmless.add((letter, call))


def _about_one_folder(call: Call, own: Any) -> tuple[str | None, frozenset[int]]:
    """The private folder that a call is about, and the serials of its files that are open.

    The folder is None if the call is about anything else too.
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
