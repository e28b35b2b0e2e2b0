"""Coverage: what executions have reached, to tell what is new about an execution and what is still missing.

- *States*: the content of the disk, and for each process the call that it is about to make, whether it owns,
  how it ended. The history of a process is not part of it: so there are fewer states than the search counts,
  and their number is bounded.
- *Orderings*: see ``stateful.sample.orderings``.
- *Goals*: see ``stateful.model.goals``.
- *Faults*, by their names in schedules.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection
from hashlib import blake2b
from typing import Final

from stateful.model.disk import NO_DISK, Disk
from stateful.model.goals import GOALS
from stateful.model.moment import Moment
from stateful.model.schedule import LIVES, STEP
from stateful.model.trace import Step
from stateful.model.usage import sends_signal
from stateful.run.execution import Execution
from stateful.sample.orderings import Orderings

STATE_BYTES: Final = 8


class Coverage:
    """What a series of executions has reached.

    Attributes:
        orderings, goals: those that were reached, including those known from the beginning.
        novelties: how many orderings and goals the current execution was the first to reach.
        steps, faults: how many there were.
    """

    def __init__(self, orderings: Collection[str] = (), goals: Collection[str] = ()) -> None:
        self.orderings = set(orderings)
        self.goals = set(goals)
        self.novelties = 0
        self.steps = 0
        self.faults: Counter[str] = Counter()
        self._states: set[int] = set()
        self._new = array("Q")
        self.begin()

    def begin(self) -> None:
        """Begin the next execution."""
        self.novelties = 0
        self._touches = Orderings()
        self._places: dict[str, str] = {}
        self._disk: Disk = NO_DISK
        self._shown = ""

    def observe(self, execution: Execution, step: Step) -> None:
        """Record a step of the current execution, right after it was made."""
        self.steps += step.move.steps
        if step.move.is_fault:
            self.faults[step.move.kind] += 1
        for ordering in self._touches.note(execution.trace, step) if step.move.letter else ():
            self._reach(self.orderings, ordering)
        self._note_state(execution, step)
        if len(self.goals) < len(GOALS):
            self._note_goals(execution, step)

    def take_states(self) -> bytes:
        """The states that are new since the last call of this, each STATE_BYTES long."""
        taken, self._new = self._new.tobytes(), array("Q")
        return taken

    def _reach(self, reached: set[str], what: str) -> None:
        if what not in reached:
            reached.add(what)
            self.novelties += 1

    def _note_state(self, execution: Execution, step: Step) -> None:
        call = step.call
        concerns_others = call is None or sends_signal(call)
        for letter in execution.processes() if concerns_others else step.move.letter:
            self._places[letter] = _place(execution, letter)
        disk = execution.kernel.disk()
        if disk is not self._disk:
            self._disk, self._shown = disk, repr(disk.visible())
        text = f"{self._shown} {self._places}"
        state = int.from_bytes(blake2b(text.encode(), digest_size=STATE_BYTES).digest())
        if state not in self._states:
            self._states.add(state)
            self._new.append(state)

    def _note_goals(self, execution: Execution, step: Step) -> None:
        processes = execution.processes()
        process = processes.get(step.move.letter)
        plain = step.outcome is None and step.move.kind == STEP
        if plain and not (process and (process.owned or process.life == "status")):
            return  # A step of a claim reaches no goal.
        waiting = len(execution.waiting())
        moment = Moment.just_after(step.move, step.call, step.answer, execution.views(), waiting)
        for name, reached in GOALS.items():
            if name == "a_stale_record_was_reclaimed" and not execution.scenario.disk.files:
                continue
            if name not in self.goals and step.move.kind not in LIVES and reached(moment):
                self._reach(self.goals, name)


def _place(execution: Execution, letter: str) -> str:
    """How far a process has got in its life."""
    process = execution.processes()[letter]
    if process.outcome is not None:
        return f"{process.life} {process.outcome.kind}"
    call = process.pending
    about = call.args[0] if call is not None and call.args else ""
    name = call.name if call is not None else ""
    held_up = "stopped" if process.stopped else ""
    return f"{process.life} {process.phase} {name} {about} {held_up} {len(process.signals)}"
