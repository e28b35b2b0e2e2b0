"""A process that makes a move from a state of the exhaustive search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stateful.model.call import BLOCKED, Call, Delivery
from stateful.model.denial import after_answer
from stateful.model.faults import SIGNALS, after_fault
from stateful.model.lifecycle import LEAVING, STARTING
from stateful.model.moment import told_by
from stateful.model.syscalls import Kind
from stateful.model.usage import argument_of
from stateful.run.step import CannotStep, make_step, run_to_step
from stateful.search.behaviour import STARTED
from stateful.search.effects import Made
from stateful.search.search_state import NOT_STARTED, Effect, Local, State

if TYPE_CHECKING:
    from stateful.search.memory import Memory


class StateStepper:
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
        """Send the process a signal from outside, before its first call if it has not had a turn."""
        if self._local.history == NOT_STARTED:
            self.start()
        self.send(kind)
        return Effect(self.state, None, None)

    def leave(self, kind: str) -> Effect:
        """End the serve in which the process waits."""
        self.note(asked=kind)
        call = self.pending
        self._tell(kind)
        return Effect(self.state, call, kind)

    def step(self, fault: str) -> Effect | None:
        """Make a step of the process; None if it cannot."""
        begins = self._local.history == NOT_STARTED
        if begins:
            self.start()
        excuse = after_fault(fault, "", self._local.excuse) if fault else self._local.excuse
        self.note(excuse=excuse.after_move(self._memory.hindrance(self.state)))
        try:
            call, answer = make_step(self, begins=begins, fault=fault)
        except CannotStep:
            return None
        memory, local = self._memory, self._local
        if len(memory.machine.users) > 1:
            uid = memory.machine.who(local.letter).uid
            self.note(excuse=after_answer(local.excuse, call, answer, memory.disk(self.state), uid))
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

    def handles(self, kind: str) -> bool:
        return self._memory.handles(self.state, self._letter, SIGNALS[kind])

    def send(self, kind: str) -> None:
        self.note_told(kind)
        self._place(self._memory.calls.send(self.state, self._local, SIGNALS[kind]), None)

    def note_told(self, kind: str) -> None:
        self.note(asked=told_by(kind, self._local.asked, starting=self._local.phase == STARTING))

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
