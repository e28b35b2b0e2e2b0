"""A walk: one random execution, whose steps a scheduler chooses, and the last questions after it.

Processes begin by their first turn, in whatever order the scheduler gives them one, or just before something
happens, and so perhaps to them. When nobody can move any more, what is still to happen happens, and then who
is stopped goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from stateful.explain.conflict import conflict
from stateful.model.faults import SIGCONT
from stateful.model.schedule import LETTERS, STEP, Move, ScheduleMismatch
from stateful.model.trace import Step, Trace
from stateful.model.usage import row
from stateful.protocol.subject import Subject
from stateful.run.execution import Execution
from stateful.run.presence import owners, pending, running, serves, stopped
from stateful.sample.acts import ACTS
from stateful.sample.draft import Draft
from stateful.sample.last_questions import ask_last_questions
from stateful.sample.random_faults import draw_next
from stateful.sample.scheduler import Scheduler

LONGEST_WALK_STEPS: Final = 2_000

Observe = Callable[[Execution, Step], None]


def see_nothing(execution: Execution, step: Step) -> None:
    """Observe nothing."""


def observed(execution: Execution, observe: Observe) -> Callable[[Move], bool]:
    """Makes moves up to the first violation and tells of each; whether it was possible and breaks nothing."""

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
        random: the faults are drawn from it.
        observe: is told of each step.
    """
    with Execution(subject, draft.scenario) as execution:
        make = observed(execution, observe)
        Walk(execution, draft, scheduler, random, make).run()
        if execution.violation is None:
            ask_last_questions(execution, offered, make)
        return execution.trace


class Walk:
    """A walk in an execution that has been laid out.

    Args:
        make: makes a move; whether it was possible, and the walk may go on.
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
        """Walk until everybody rests, as far as the draft goes."""
        self._settle()
        limit = LONGEST_WALK_STEPS if self._draft.cut is None else self._draft.cut
        while self._made < limit and self._execution.violation is None:
            while self._is_due() and self._inject():
                pass
            if not (self._turn() or self._inject() or self._continue_stopped()):
                break

    def _settle(self) -> None:
        """Let those own first, one after another, who are to own from the beginning."""
        for letter in self._draft.scenario.cast.settled:
            for _ in range(LONGEST_WALK_STEPS):
                if not self._make(Move(STEP, letter)) or serves(self._execution.processes()[letter]):
                    break

    def _is_due(self) -> bool:
        """Whether the moment has come at which something happens."""
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
        return any(is_one(pending(self._execution, who)) for who in running(self._execution))

    def _inject(self) -> bool:
        """Let the next of the plan happen that can; whether there was any."""
        if self._plan and self._not_started and self._random.random() < 0.5:
            self._letter(self._random.choice([*self._not_started]))
        moves = draw_next(self._execution, self._plan, self._random)
        if not moves:
            return False
        del self._moments[0]
        self._waiting.clear()
        return all(map(self._make, moves))

    def _turn(self) -> bool:
        """Let the scheduler choose who makes a step; whether anybody could."""
        ready = [who for who in (*self._letters, *self._not_started) if self._is_ready(who)]
        if not ready:
            return False
        who = self._scheduler.choose(ready)
        letter = self._letter(who)
        if not self._make(Move(STEP, letter)):
            self._waiting.add(who)  # for a lock, which is only known by trying
            return True
        self._made += 1
        self._waiting.clear()
        step = self._execution.trace.steps[-1]
        yields = step.call is not None and row(step.call).passes_time
        self._scheduler.stepped(who, yields, lambda: self._rivals(step))
        return True

    def _is_ready(self, who: str) -> bool:
        if who in self._waiting:
            return False
        return who in self._not_started or self._execution.possible(Move(STEP, self._letters[who]))

    def _letter(self, who: str) -> str:
        """The letter of somebody, who is started where that has not been."""
        if who in self._not_started:
            letter = self._execution.next_letter()
            self._make(Move(self._not_started.pop(who), letter))
            self._letters[who] = letter
        return self._letters[who]

    def _rivals(self, step: Step) -> list[str]:
        """Who is about to make a call that conflicts with a step."""
        names = {letter: who for who, letter in self._letters.items()}
        rivals = []
        for letter in running(self._execution):
            call = self._execution.upcoming(letter)
            if letter != step.move.letter and call and conflict(self._execution.trace, step, call):
                rivals.append(names[letter])
        return rivals

    def _continue_stopped(self) -> bool:
        """Have somebody go on who is stopped; whether there was anybody."""
        held_up = stopped(self._execution)
        if held_up:
            return self._make(Move(SIGCONT, self._random.choice(held_up)))
        return False
