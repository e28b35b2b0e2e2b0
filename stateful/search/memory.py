"""What the exhaustive search remembers: the effect of each move in each state where it is possible.

Each call is made on a real kernel once per distinct situation (``stateful.search.effects``), and the
subject's code runs once per history of answers (``stateful.search.behaviour``), however many schedules lead
there.

Checked: the traces that the search finds are executed for real before they are reported, and
``tests/search/test_referee.py`` compares the states with those of plain re-execution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stateful.kernel.process import disposition_of
from stateful.kernel.state import SharedState
from stateful.model.call import Call
from stateful.model.disk import Disk
from stateful.model.excuses import Reason
from stateful.model.faults import MACHINE_FAULTS, SIGNALS, after_fault
from stateful.model.images import DiskImage
from stateful.model.life import plain
from stateful.model.lifecycle import STARTING, Entry, Outcome
from stateful.model.machine import ONE_PER
from stateful.model.moment import View
from stateful.model.schedule import ENDS_OF_SERVE, LETTERS, STEP, Move
from stateful.protocol.subject import Subject
from stateful.python import interrupt
from stateful.search.behaviour import STARTED, Behaviour
from stateful.search.effects import Calls
from stateful.search.search_state import NOT_STARTED, Effect, Local, Numbering, Numbers, State
from stateful.search.state_stepper import StateStepper


class Memory:
    """The memory of one subject on one disk; shared by the scenarios that start from that disk.

    Attributes:
        image: the disk.
        loses_power: whether the states include what a power loss would leave of the disk.
        one_per: of what the subject lets one owner live.
        remembers: whether a move in a known situation is looked up instead of made again.
    """

    def __init__(
        self,
        subject: Subject,
        disk: DiskImage,
        *,
        loses_power: bool = False,
        remembers: bool = True,
        one_per: str = ONE_PER[0],
    ) -> None:
        self.subject = subject
        self.one_per = one_per
        self.loses_power = loses_power
        self.remembers = remembers
        self.image = disk
        self.machine = disk.machine
        self.behaviour = Behaviour(subject, disk.machine)
        self.numbers = Numbers(Numbering(), Numbering(), Numbering())
        self.calls = Calls(disk, self.numbers, loses_power=loses_power, remembers=remembers)
        self._planted: dict[int, bool] = {}
        self._views: dict[int, View] = {}
        self._steps: dict[tuple[str, int, int], Effect | None] = {}

    def date(self) -> None:
        """From now on the states have all times of files; what was made without them is forgotten."""
        self.behaviour.dated = True
        self._steps.clear()
        self.calls.date()

    def open(self) -> None:
        """Take a kernel and the entry points again, after ``close``."""
        self.calls.open()

    def close(self) -> None:
        """End the subject's code, and release the kernel and the entry points; what is known stays known."""
        interrupt.hold()
        try:
            self.behaviour.close()
        finally:
            self.calls.close()
            interrupt.let_go()

    # -- reading states -------------------------------------------------------------------------------

    def initial(self, lives: tuple[str, ...]) -> State:
        """The state before the first turn of any process."""
        locals_ = (self.not_started(LETTERS[index], life) for index, life in enumerate(lives))
        return State(self.calls.start, tuple(locals_))

    def not_started(self, letter: str, life: str) -> int:
        """The local state of a process before its first turn."""
        return self.numbers.local(Local(letter, life, NOT_STARTED, NOT_STARTED, STARTING, False, None))

    def has_not_started(self, local: int) -> bool:
        """Whether a process has not had its first turn."""
        return self.local(local).history == NOT_STARTED

    def local(self, number: int) -> Local:
        local: Local = self.numbers.local.values[number]
        return local

    def disk(self, state: State) -> Disk:
        """The disk in a state."""
        return self.shared_state(state.shared).disk

    def shared_state(self, number: int) -> SharedState:
        """The shared state with a number."""
        shared: SharedState = self.numbers.shared.values[number]
        return shared

    def after_power_loss(self, number: int) -> bool:
        """Whether power was lost before a shared state."""
        return self.loses_power and self.shared_state(number).persistence is None

    def disk_fails(self, state: State) -> bool:
        """Whether the disk is failing or misused, so that less is guaranteed."""
        shared = self.shared_state(state.shared)
        return bool(shared.condition) or shared.disk.is_misused()

    def hindrance(self, state: State) -> Reason:
        """The excuse of a process that moves in a state."""
        if self.disk_fails(state):
            return Reason.CALLS
        return Reason.LINK if self.is_planted(state) else Reason.NONE

    def is_planted(self, state: State) -> bool:
        """Whether a link leads to a file that no process of the gateway has made."""
        known = self._planted.get(state.shared)
        if known is None:
            known = self._planted[state.shared] = bool(self.disk(state).planted())
        return known

    def pending(self, local: Local) -> Call:
        """The call that a process is stopped before."""
        return self.behaviour.intent(local.letter, local.life, local.history).call

    def silent_calls(self, before: Local, after: Local) -> Iterator[Call]:
        """The silent calls that a process has made with a step, the last one first."""
        history, length = after.history, self.behaviour.length
        while length(history) > length(before.history) + 1:
            history = self.behaviour.last_answer(history)[0]
            yield self.behaviour.intent(after.letter, after.life, history).call

    def own(self, local: Local) -> Any:
        """The kernel state that only this process can see."""
        return self.numbers.own.values[local.own]

    def locked(self, state: State, index: int) -> tuple[int, ...]:
        """The serials of the files that a process has locked."""
        local = self.local(state.locals[index])
        fds = self.own(local)[1] if local.own != NOT_STARTED else ()
        locks = self.shared_state(state.shared).record_locks
        records = (lock.inode for lock in locks if lock.letter == local.letter and not lock.waits)
        return (*(file[0] for _, file in fds if file[0] != "proc" and file[3]), *records)

    def locks_records(self, state: State, letter: str) -> bool:
        """Whether a process holds any ``lockf`` lock."""
        locks = self.shared_state(state.shared).record_locks
        return any(lock.letter == letter and not lock.waits for lock in locks)

    def entry(self, state: State, letter: str) -> Entry:
        """The entry of a live process in the process table."""
        return next(entry for entry in self.shared_state(state.shared).table if entry.letter == letter)

    def handles(self, state: State, letter: str, number: int) -> bool:
        """Whether a live process has a handler for a signal."""
        return disposition_of(dict(self.entry(state, letter).dispositions), number) == "handler"

    def view(self, number: int) -> View:
        """A process as the invariants see it."""
        view = self._views.get(number)
        if view is None:
            local = self.local(number)
            identity = self.machine.who(local.letter)
            view = self._views[number] = View(
                local.letter,
                plain(local.life),
                identity.pid,
                local.phase,
                local.owned,
                local.outcome,
                local.asked,
                local.excuse,
                namespace=identity.namespace,
                uid=identity.uid,
                unit=identity.unit(self.one_per),
            )
        return view

    # -- making moves ---------------------------------------------------------------------------------

    def effect(self, state: State, move: Move) -> Effect | None:
        """The effect of a move; None if it is not possible, for example because the process has to wait."""
        if move.kind in MACHINE_FAULTS:
            return self._inject(state, move)
        index = LETTERS.index(move.letter)
        key = (move.kind, state.shared, state.locals[index])
        try:
            known = self._steps[key]
        except KeyError:
            return self._work_out(state, move, index)
        return None if known is None else known.among(state, index)

    def check(self, state: State, move: Move) -> None:
        """Assert that the remembered effect of a process's move is what making it does."""
        if move.kind not in MACHINE_FAULTS:
            known = self.effect(state, move)
            with self.calls.making_anew():
                made = self._work_out(state, move, LETTERS.index(move.letter))
            assert made == known, f"{move} did {known} once, and {made} now"

    def _work_out(self, state: State, move: Move, index: int) -> Effect | None:
        key = (move.kind, state.shared, state.locals[index])
        process = StateStepper(self, state, index)
        effect: Effect | None
        if move.steps:
            effect = process.step("" if move.kind == STEP else move.kind)
        elif move.kind in ENDS_OF_SERVE:
            effect = process.leave(move.kind)
        elif move.kind in SIGNALS:
            effect = process.sent(move.kind)
        else:
            effect = process.start()
        if self.remembers and (effect is None or not self._ended_others(state, effect, index)):
            self._steps[key] = effect and effect.alone(index)
        return effect

    def _inject(self, state: State, move: Move) -> Effect | None:
        """The effect of a machine fault; None if it is not possible."""
        target = self.machine.aimed_at(move.letter, move.detail)
        shared = self.calls.inject(state, move.kind, target)
        if shared is None:
            return None
        locals_ = []
        for number in self.ended(state.locals, shared):
            local = self.local(number)
            if local.outcome is None and local.history != NOT_STARTED:
                local = local._replace(excuse=after_fault(move.kind, move.detail, local.excuse))
            locals_.append(self.numbers.local(local))
        return Effect(State(shared, tuple(locals_)), None, None)

    def ended(self, locals_: Sequence[int], shared: int) -> Iterator[int]:
        """The local states, with processes missing from the process table marked as killed."""
        living = {entry.letter for entry in self.shared_state(shared).table}
        for number in locals_:
            local = self.local(number)
            if local.outcome is not None or local.history == NOT_STARTED or local.letter in living:
                yield number
            else:
                ended = local._replace(outcome=Outcome("killed", "SIGKILL"), asked=None)
                yield self.numbers.local(ended._replace(history=STARTED, own=NOT_STARTED))

    def _ended_others(self, state: State, effect: Effect, index: int) -> bool:
        return any(
            before != after and other != index
            for other, (before, after) in enumerate(zip(state.locals, effect.after.locals, strict=True))
        )
