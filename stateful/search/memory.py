"""What the exhaustive search remembers: what each move does, from each state that it can be made in.

The real calls are made once from each distinct situation (``stateful.search.effects``), and the code of the
subject runs once per history of answers (``stateful.search.behaviour``), however many ways lead there.

Checked: the traces that come out of this are executed for real before they are reported, and
``tests/search/test_referee.py`` compares the states with those of plain re-execution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stateful.kernel.state import SharedState
from stateful.model.call import BLOCKED, Call, Delivery, UnmodelledSyscall
from stateful.model.disk import Disk
from stateful.model.faults import CALL_FAULTS, MACHINE_FAULTS, SIGNALS, after_fault
from stateful.model.images import DiskImage
from stateful.model.life import plain
from stateful.model.lifecycle import LEAVING, STARTING, Entry, Outcome
from stateful.model.machine import FIRST_PID
from stateful.model.moment import View
from stateful.model.schedule import LETTERS, STEP, Move
from stateful.model.syscalls import SILENT, WAITS, faults_of
from stateful.protocol.subject import Subject
from stateful.python import interrupt
from stateful.run.running import LIMIT_SILENT_CALLS
from stateful.search.behaviour import BORN, Behaviour
from stateful.search.effects import Calls
from stateful.search.search_state import UNBORN, Effect, Local, Numbering, Numbers, State


class Memory:
    """All that is known of one subject on one disk; shared by the scenarios that start there.

    Attributes:
        image: the disk.
        loses_power: what a power loss would leave of the disk is a part of the states.
    """

    def __init__(self, subject: Subject, disk: DiskImage, *, loses_power: bool = False) -> None:
        self.subject = subject
        self.loses_power = loses_power
        self.image = disk
        self.machine = disk.machine
        self.behaviour = Behaviour(subject, disk.machine)
        self.numbers = Numbers(Numbering(), Numbering(), Numbering())
        self.calls = Calls(disk, self.numbers, loses_power=loses_power)
        self._views: dict[int, View] = {}
        self._steps: dict[tuple[str, int, int], Effect | None] = {}

    def close(self) -> None:
        """Give everything back."""
        interrupt.hold()
        try:
            self.behaviour.close()
        finally:
            self.calls.close()
            interrupt.let_go()

    # -- reading states -------------------------------------------------------------------------------

    def initial(self, lives: tuple[str, ...]) -> State:
        """The state in which nobody has had a turn."""
        locals_ = (self.unborn(LETTERS[index], life) for index, life in enumerate(lives))
        return State(self.calls.start, tuple(locals_))

    def unborn(self, letter: str, life: str) -> int:
        """The local state of a process before its first turn."""
        return self.numbers.local(Local(letter, life, UNBORN, UNBORN, STARTING, False, None))

    def is_unborn(self, local: int) -> bool:
        """Whether a process has not had its first turn."""
        return self.local(local).history == UNBORN

    def local(self, number: int) -> Local:
        local: Local = self.numbers.local.values[number]
        return local

    def disk(self, state: State) -> Disk:
        """What stands on the disk."""
        return self.shared_state(state.shared).disk

    def shared_state(self, number: int) -> SharedState:
        """What the processes share."""
        shared: SharedState = self.numbers.shared.values[number]
        return shared

    def after_power_loss(self, number: int) -> bool:
        """Whether a shared state is one after a power loss."""
        return self.loses_power and self.shared_state(number).persistence is None

    def disk_fails(self, state: State) -> bool:
        """Whether the disk is in a state in which less is guaranteed."""
        shared = self.shared_state(state.shared)
        return bool(shared.condition) or shared.disk.is_misused()

    def pending(self, local: Local) -> Call:
        """The call that a process is stopped before."""
        return self.behaviour.intent(local.letter, local.life, local.history).call

    def own(self, local: Local) -> Any:
        """What only the process can see of the kernel."""
        return self.numbers.own.values[local.own]

    def locks_records(self, state: State, letter: str) -> bool:
        """Whether a process holds any ``lockf`` lock."""
        locks = self.shared_state(state.shared).record_locks
        return any(lock.letter == letter for lock in locks)

    def entry(self, state: State, letter: str) -> Entry:
        """What the process table says of a live process."""
        return next(entry for entry in self.shared_state(state.shared).table if entry.letter == letter)

    def view(self, number: int) -> View:
        """A process as the invariants see it."""
        view = self._views.get(number)
        if view is None:
            local = self.local(number)
            who = self.machine.who(local.letter)
            view = self._views[number] = View(
                local.letter,
                plain(local.life),
                who.pid,
                local.phase,
                local.owned,
                local.outcome,
                local.asked,
                local.excuse,
                namespace=who.namespace,
            )
        return view

    # -- making moves ---------------------------------------------------------------------------------

    def effect(self, state: State, move: Move) -> Effect | None:
        """What a move does, or None where it is not possible: the process has to wait, say."""
        if move.kind in MACHINE_FAULTS:
            return self._upset(state, move)
        index = LETTERS.index(move.letter)
        key = (move.kind, state.shared, state.locals[index])
        try:
            known = self._steps[key]
        except KeyError:
            return self._work_out(state, move, index)
        return None if known is None else known.among(state, index)

    def _work_out(self, state: State, move: Move, index: int) -> Effect | None:
        local = self.local(state.locals[index])
        key = (move.kind, state.shared, state.locals[index])
        if move.steps:
            effect = self._step(state, index, local, move.kind)
        elif move.kind == "exit":
            effect = self._go_on(state, index, local._replace(asked="exit"), Call("serve"), "exit")
        elif move.kind in SIGNALS:
            signal = Call("be sent", (SIGNALS[move.kind],))
            _, shared, own, _ = self.calls.make(state, local, signal)
            if move.kind == "term" and local.asked != "exit":
                local = local._replace(asked="term")
            effect = self._place_after(state, index, local, shared, own, None, None)
        else:
            effect = self._be_born(state, index, local)
        if effect is None or not self._ended_others(state, effect, index):
            self._steps[key] = effect and effect.alone(index)
        return effect

    def _upset(self, state: State, move: Move) -> Effect | None:
        """A fault of the machine."""
        whom = str(FIRST_PID + LETTERS.index(move.letter)) if move.letter else move.detail
        shared = self.calls.strike(state, move.kind, whom)
        if shared is None:
            return None
        locals_ = []
        for number in self._ended(state.locals, shared):
            local = self.local(number)
            if local.outcome is None and local.history != UNBORN:
                local = local._replace(excuse=after_fault(move.kind, move.detail, local.excuse))
            locals_.append(self.numbers.local(local))
        return Effect(State(shared, tuple(locals_)), None, None)

    def _be_born(self, state: State, index: int, local: Local) -> Effect:
        _, shared, own, _ = self.calls.make(state, local, Call("spawn"))
        born = local._replace(history=BORN, own=own)
        state = state.put(index, shared, self.numbers.local(born))
        return self._settle(state, index, born, None, None)

    def _step(self, state: State, index: int, local: Local, kind: str) -> Effect | None:
        begins = local.history == UNBORN
        if begins:
            state = self._be_born(state, index, local).after
            local = self.local(state.locals[index])
        fault = kind if kind in CALL_FAULTS else ""
        excuse = after_fault(fault, "", local.excuse) if fault else local.excuse
        local = local._replace(excuse=excuse.after_move(self.disk_fails(state)))
        if begins and kind == STEP and self.pending(local).name in WAITS:  # To begin is all it has to do.
            state = state.put(index, state.shared, self.numbers.local(local))
            return Effect(state, self.pending(local), None)
        signals = self.entry(state, local.letter).signals
        delivery = Delivery(signals[0]) if signals else None
        call = self.pending(local)
        if delivery is not None:
            _, shared, own, _ = self.calls.make(state, local, Call("deliver"))
            local = local._replace(own=own, asked=local.asked or "signal")
            state = state.put(index, shared, self.numbers.local(local))
            effect = self._go_on(state, index, local, call, delivery)
            if call.name in WAITS:
                return effect
            state, local = effect.after, self.local(effect.after.locals[index])
            call = self.pending(local)
        if fault and (signals or fault not in faults_of(call)):
            return None
        answer, shared, own, alive = self.calls.make(state, local, call, fault)
        if answer is BLOCKED:
            return Effect(state, call, delivery) if delivery is not None else None
        effect = self._place_after(state, index, local, shared, own, call, answer)
        return self._go_on(effect.after, index, local._replace(own=own), call, answer) if alive else effect

    def _go_on(self, state: State, index: int, local: Local, call: Call, answer: Any) -> Effect:
        """Tell a process an answer and let it run to its next step."""
        told = local._replace(history=self.behaviour.told(local.history, answer))
        return self._settle(state, index, told, call, answer)

    def _settle(self, state: State, index: int, local: Local, call: Call | None, answer: Any) -> Effect:
        """Make the silent calls that a process makes before its next step."""
        shared = state.shared
        for _ in range(LIMIT_SILENT_CALLS):
            intent = self.behaviour.intent(local.letter, local.life, local.history)
            local = local._replace(phase=intent.phase, owned=intent.owned)
            state = state.put(index, shared, self.numbers.local(local))
            if intent.call.name not in SILENT:
                return Effect(state, call, answer)
            told, shared, own, _ = self.calls.make(state, local, intent.call)
            local = local._replace(own=own, history=self.behaviour.told(local.history, told))
        raise UnmodelledSyscall(f"the subject made {LIMIT_SILENT_CALLS} calls that are no step in a row")

    def _place_after(
        self, state: State, index: int, local: Local, shared: int, own: int, call: Call | None, answer: Any
    ) -> Effect:
        """The effect of a move by which processes may have ended."""
        locals_ = list(state.locals)
        locals_[index] = self.numbers.local(local._replace(own=own))
        ended = list(self._ended(locals_, shared))
        if call is not None and call.name == "exit" and ended[index] != locals_[index]:
            local = self.local(ended[index])._replace(phase=LEAVING, outcome=call.args[1], asked=local.asked)
            ended[index] = self.numbers.local(local)
        return Effect(State(shared, tuple(ended)), call, answer)

    def _ended(self, locals_: Sequence[int], shared: int) -> Iterator[int]:
        """The local states, of which some may have ended, as a shared state says."""
        living = {entry.letter for entry in self.shared_state(shared).table}
        for number in locals_:
            local = self.local(number)
            if local.outcome is not None or local.history == UNBORN or local.letter in living:
                yield number
            else:
                killed = Outcome("killed", "SIGKILL")
                yield self.numbers.local(local._replace(history=BORN, own=UNBORN, outcome=killed, asked=None))

    def _ended_others(self, state: State, effect: Effect, index: int) -> bool:
        return any(
            before != after and other != index
            for other, (before, after) in enumerate(zip(state.locals, effect.after.locals, strict=True))
        )
