"""A walk: one random execution, whose steps a scheduler chooses, followed by the last questions.

A process starts with its first turn, whenever the scheduler gives it one, or just before an event, which may
then concern it. When no process can move any more, the remaining events happen; then stopped processes are
continued.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final

from stateful.explain.conflict import conflict
from stateful.model.faults import SIGCONT
from stateful.model.scenario import Scenario
from stateful.model.schedule import LETTERS, STEP, Move, ScheduleMismatch
from stateful.model.trace import Step, Trace
from stateful.model.usage import row
from stateful.protocol.subject import Subject
from stateful.python.guard import Watchdog
from stateful.run.examine import examine, steps_of_a_start
from stateful.run.execution import Execution
from stateful.run.presence import owners, pending, running, serves, stopped
from stateful.sample.acts import ACTS
from stateful.sample.draft import NARROWEST, WIDEST, Draft, draw_draft
from stateful.sample.last_questions import ask_last_questions
from stateful.sample.random_faults import draw_next
from stateful.sample.scheduler import SCHEDULERS, Scheduler, scheduler_of

LONGEST_WALK_STEPS: Final = 2_000

Observe = Callable[[Execution, Step], None]


def see_nothing(execution: Execution, step: Step) -> None:
    """Observe nothing."""


def observed(execution: Execution, observe: Observe) -> Callable[[Move], bool]:
    """A function that makes moves up to the first violation and reports each step to ``observe``.

    It returns whether the move was possible and broke no invariant.
    """

    def make(move: Move) -> bool:
        if execution.violation is not None:
            return False
        try:
            step = execution.make(move)
        except ScheduleMismatch:
            return False
        observe(execution, step)
        return execution.violation is None

    return make


def walk(
    subject: Subject,
    offered: Sequence[str],
    draft: Draft,
    scheduler: Scheduler,
    random: Random,
    observe: Observe = see_nothing,
) -> Trace:
    """The trace of a walk, up to its first violation.

    Args:
        offered: the lives that the subject offers.
        random: draws the faults.
        observe: is called with each step.
    """
    with Execution(subject, draft.scenario) as execution:
        make = observed(execution, observe)
        Walk(execution, draft, scheduler, random, make).run()
        if execution.violation is None:
            ask_last_questions(execution, offered, make)
        return execution.trace


class Walk:
    """A walk in an execution that has just begun.

    Args:
        make: makes a move; returns whether it was possible and the walk may continue.
    """

    def __init__(
        self,
        execution: Execution,
        draft: Draft,
        scheduler: Scheduler,
        random: Random,
        make: Callable[[Move], bool],
    ) -> None:
        self._execution = execution
        self._scheduler = scheduler
        self._random = random
        self._make = make
        self._draft = draft
        self._plan = [event.family for event in draft.events]  # what has not happened yet
        self._moments = list(draft.events)
        self._not_started = dict(zip(draft.newcomers, draft.lives, strict=True))
        self._letters = {letter: letter for letter in LETTERS[: len(draft.scenario.cast.lives)]}
        self._waiting: set[str] = set()
        self._made = 0
        self._made_before_owner: int | None = None

    def run(self) -> None:
        """Walk until all processes rest, or up to the draft's cut."""
        self._settle()
        limit = LONGEST_WALK_STEPS if self._draft.cut is None else self._draft.cut
        while self._made < limit and self._execution.violation is None:
            while self._is_due() and self._inject():
                pass
            if not (self._turn() or self._inject() or self._continue_stopped()):
                break

    def _settle(self) -> None:
        """Run the settled processes one after another until each owns."""
        for letter in self._draft.scenario.cast.settled:
            for _ in range(LONGEST_WALK_STEPS):
                if not self._make(Move(STEP, letter)) or serves(self._execution.processes()[letter]):
                    break

    def _is_due(self) -> bool:
        """Whether the next event is due."""
        if not self._moments:
            return False
        if self._made_before_owner is None and owners(self._execution):
            self._made_before_owner = self._made
        moment = self._moments[0]
        begun = self._made_before_owner if moment.owned else 0
        if begun is None or self._made - begun < moment.step:
            return False
        if not moment.call:
            return True
        is_one = ACTS[moment.call]
        return any(is_one(pending(self._execution, name)) for name in running(self._execution))

    def _inject(self) -> bool:
        """Inject the first event of the plan that is possible; returns whether there was one."""
        if self._plan and self._not_started and self._random.random() < 0.5:
            self._letter(self._random.choice([*self._not_started]))
        moves = draw_next(self._execution, self._plan, self._random)
        if not moves:
            return False
        del self._moments[0]
        self._waiting.clear()
        return all(map(self._make, moves))

    def _turn(self) -> bool:
        """Make a step of the process that the scheduler chooses; returns False if no process is ready."""
        ready = [name for name in (*self._letters, *self._not_started) if self._is_ready(name)]
        if not ready:
            return False
        name = self._scheduler.choose(ready)
        letter = self._letter(name)
        if not self._make(Move(STEP, letter)):
            self._waiting.add(name)  # for a lock, which only trying shows
            return True
        self._made += 1
        self._waiting.clear()
        step = self._execution.trace.steps[-1]
        yields = step.call is not None and row(step.call).passes_time
        self._scheduler.stepped(name, yields, lambda: self._rivals(step))
        return True

    def _is_ready(self, name: str) -> bool:
        if name in self._waiting:
            return False
        return name in self._not_started or self._execution.possible(Move(STEP, self._letters[name]))

    def _letter(self, name: str) -> str:
        """The letter of a process, which is started if it has not been."""
        if name in self._not_started:
            letter = self._execution.next_letter()
            self._make(Move(self._not_started.pop(name), letter))
            self._letters[name] = letter
        return self._letters[name]

    def _rivals(self, step: Step) -> list[str]:
        """The processes that are about to make a call that conflicts with a step."""
        names = {letter: name for name, letter in self._letters.items()}
        rivals = []
        for letter in running(self._execution):
            call = self._execution.upcoming(letter)
            if letter != step.move.letter and call and conflict(self._execution.trace, step, call):
                rivals.append(names[letter])
        return rivals

    def _continue_stopped(self) -> bool:
        """Continue a stopped process; returns whether there was one."""
        held_up = stopped(self._execution)
        if held_up:
            return self._make(Move(SIGCONT, self._random.choice(held_up)))
        return False


def random_walks(subject: Subject, seed: int, number: int) -> Iterator[tuple[Scenario, Trace]]:
    """A number of walks of growing width, as a campaign makes them: the scenario and the trace of each."""
    random = Random(seed)
    lives, steps = examine(subject).lives, steps_of_a_start(subject)
    for at in range(number):
        width = NARROWEST + (WIDEST - NARROWEST) * at // number
        draft = draw_draft(random, lives, width, steps)
        with Watchdog():
            yield (
                draft.scenario,
                walk(subject, lives, draft, scheduler_of(random.choice(SCHEDULERS), draft, random), random),
            )
