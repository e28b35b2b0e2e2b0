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

from stateful.kernel.state import SharedState
from stateful.model.call import BLOCKED, Call, Delivery
from stateful.model.disk import Disk
from stateful.model.faults import ASK_TO_GO, MACHINE_FAULTS, SIGNALS, after_fault
from stateful.model.images import DiskImage
from stateful.model.life import plain
from stateful.model.lifecycle import LEAVING, STARTING, Entry, Outcome
from stateful.model.machine import FIRST_PID
from stateful.model.moment import View
from stateful.model.schedule import LETTERS, STEP, Move
from stateful.model.syscalls import Kind
from stateful.model.usage import argument_of
from stateful.protocol.subject import Subject
from stateful.python import interrupt
from stateful.run.step import CannotStep, make_step, run_to_step
from stateful.search.behaviour import STARTED, Behaviour
from stateful.search.effects import Calls, Made
from stateful.search.search_state import NOT_STARTED, Effect, Local, Numbering, Numbers, State


class Memory:
    """The memory of one subject on one disk; shared by the scenarios that start from that disk.

    Attributes:
        image: the disk.
        loses_power: whether the states include what a power loss would leave of the disk.
        remembers: whether a move in a known situation is looked up instead of made again.
    """

    def __init__(
        self, subject: Subject, disk: DiskImage, *, loses_power: bool = False, remembers: bool = True
    ) -> None:
        self.subject = subject
        self.loses_power = loses_power
        self.remembers = remembers
        self.image = disk
        self.machine = disk.machine
        self.behaviour = Behaviour(subject, disk.machine)
        self.numbers = Numbers(Numbering(), Numbering(), Numbering())
        self.calls = Calls(disk, self.numbers, loses_power=loses_power, remembers=remembers)
        self._views: dict[int, View] = {}
        self._steps: dict[tuple[str, int, int], Effect | None] = {}

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

    def locks_records(self, state: State, letter: str) -> bool:
        """Whether a process holds any ``lockf`` lock."""
        locks = self.shared_state(state.shared).record_locks
        return any(lock.letter == letter and not lock.waits for lock in locks)

    def entry(self, state: State, letter: str) -> Entry:
        """The entry of a live process in the process table."""
        return next(entry for entry in self.shared_state(state.shared).table if entry.letter == letter)

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
        process = _Process(self, state, index)
        effect: Effect | None
        if move.steps:
            effect = process.step("" if move.kind == STEP else move.kind)
        elif move.kind == "exit":
            process.note(asked="exit")
            effect = process.told("exit")
        elif move.kind in SIGNALS:
            effect = process.sent(move.kind)
        else:
            effect = process.start()
        if self.remembers and (effect is None or not self._ended_others(state, effect, index)):
            self._steps[key] = effect and effect.alone(index)
        return effect

    def _inject(self, state: State, move: Move) -> Effect | None:
        """The effect of a machine fault; None if it is not possible."""
        target = str(FIRST_PID + LETTERS.index(move.letter)) if move.letter else move.detail
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
                killed = Outcome("killed", "SIGKILL")
                yield self.numbers.local(
                    local._replace(history=STARTED, own=NOT_STARTED, outcome=killed, asked=None)
                )

    def _ended_others(self, state: State, effect: Effect, index: int) -> bool:
        return any(
            before != after and other != index
            for other, (before, after) in enumerate(zip(state.locals, effect.after.locals, strict=True))
        )


class _Process:
    """A process that makes a move from a state; a ``Stepper``.

    Attributes:
        state: the state that the move has led to so far.
    """

    def __init__(self, memory: Memory, state: State, index: int) -> None:
        self.state = state
        self._memory = memory
        self._index = index
        self._letter = self._local.letter

    @property
    def _local(self) -> Local:
        return self._memory.local(self.state.locals[self._index])

    def note(self, shared: int | None = None, **fields: Any) -> None:
        """Change fields of the local state, and the shared state if one is given."""
        number = self._memory.numbers.local(self._local._replace(**fields))
        self.state = self.state.put(self._index, self.state.shared if shared is None else shared, number)

    # -- moves ------------------------------------------------------------------------------------------

    def start(self) -> Effect:
        """Start the process and run it to its first call."""
        made = self._memory.calls.spawn(self.state, self._local)
        self.note(made.shared, history=STARTED, own=made.own)
        self._settle()
        return Effect(self.state, None, None)

    def sent(self, kind: str) -> Effect:
        """Send the process a signal from outside."""
        if kind in ASK_TO_GO and self._local.asked != "exit":
            self.note(asked=kind)
        made = self._memory.calls.send(self.state, self._local, SIGNALS[kind])
        self._place(made, None)
        return Effect(self.state, None, None)

    def told(self, answer: Any) -> Effect:
        """Answer the call in which the process waits."""
        call = self.pending
        self._tell(answer)
        return Effect(self.state, call, answer)

    def step(self, fault: str) -> Effect | None:
        """Make a step of the process; None if it cannot."""
        begins = self._local.history == NOT_STARTED
        if begins:
            self.start()
        excuse = after_fault(fault, "", self._local.excuse) if fault else self._local.excuse
        self.note(excuse=excuse.after_move(self._memory.disk_fails(self.state)))
        try:
            call, answer = make_step(self, begins=begins, fault=fault)
        except CannotStep:
            return None
        return Effect(self.state, call, answer)

    # -- the parts of a step ----------------------------------------------------------------------------

    @property
    def pending(self) -> Call:
        return self._memory.pending(self._local)

    def deliver(self) -> Delivery | None:
        signals = self._memory.entry(self.state, self._letter).signals
        if not signals:
            return None
        made = self._memory.calls.deliver(self.state, self._local)
        self.note(made.shared, own=made.own, asked=self._local.asked or "signal")
        self._tell(Delivery(signals[0]))
        return Delivery(signals[0])

    def perform(self, call: Call, fault: str) -> Any:
        made = self._memory.calls.make(self.state, self._local, call, fault)
        if made.answer is not BLOCKED:
            self._place(made, call)
        return made.answer

    def proceed(self, call: Call, answer: Any) -> None:
        if self._local.outcome is None:
            self._tell(answer)

    # -- the state after them ---------------------------------------------------------------------------

    def _tell(self, answer: Any) -> None:
        self.note(history=self._memory.behaviour.extended(self._local.history, answer))
        self._settle()

    def _settle(self) -> None:
        """Make the silent calls before the next step of the process."""

        def perform(silent: Call) -> Call:
            made = self._memory.calls.make(self.state, self._local, silent)
            history = self._memory.behaviour.extended(self._local.history, made.answer)
            self.note(made.shared, own=made.own, history=history)
            return self._intended()

        run_to_step(self._intended(), perform)

    def _intended(self) -> Call:
        local = self._local
        intent = self._memory.behaviour.intent(local.letter, local.life, local.history)
        self.note(phase=intent.phase, owned=intent.owned)
        return intent.call

    def _place(self, made: Made, call: Call | None) -> None:
        """Take over the state after a call or a signal, which may have ended processes."""
        before = self._local
        self.note(made.shared, own=made.own)
        self.state = State(made.shared, tuple(self._memory.ended(self.state.locals, made.shared)))
        if call is not None and self._local.outcome is not None:
            outcome = argument_of(call, Kind.OUTCOME)
            if outcome is not None:
                self.note(phase=LEAVING, outcome=outcome, asked=before.asked)
