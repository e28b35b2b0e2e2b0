"""A walk: one random execution, whose steps a scheduler chooses, and the last questions after it.

Processes begin by their first turn, in whatever order the scheduler gives them one. Faults strike where the
draft says. When nobody can move any more, owners are asked to exit as often as the draft allows, and who is
stopped goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from stateful.deciders.chance import draw_fault
from stateful.deciders.draft import Draft
from stateful.deciders.last_questions import ask_last_questions
from stateful.deciders.presence import exitable, running, serves, stopped
from stateful.deciders.scheduler import YIELDS, Scheduler
from stateful.execution import Execution
from stateful.report.touched import conflict
from stateful.running import LETTERS
from stateful.schedule import STEP, Move, ScheduleMismatch
from stateful.subject import Subject
from stateful.trace import Step, Trace

LONGEST_WALK_STEPS: Final = 2_000

Observe = Callable[[Execution, Step], None]


def see_nothing(execution: Execution, step: Step) -> None:
    """Observe nothing."""


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
        _Walk(execution, draft, scheduler, random, observe).run(offered)
        return execution.trace


class _Walk:
    def __init__(
        self, execution: Execution, draft: Draft, scheduler: Scheduler, random: Random, observe: Observe
    ) -> None:
        self._execution = execution
        self._scheduler = scheduler
        self._random = random
        self._observe = observe
        self._draft = draft
        self._exits = draft.exits
        self._strikes = list(draft.strikes)
        self._unborn = dict(zip(newcomers(draft), draft.lives, strict=True))
        self._letters = {letter: letter for letter in LETTERS[: len(draft.scenario.cast.lives)]}
        self._waiting: set[str] = set()
        self._made = 0

    def run(self, offered: Sequence[str]) -> None:
        """Walk, and ask."""
        self._settle()
        limit = LONGEST_WALK_STEPS if self._draft.cut is None else self._draft.cut
        while self._made < limit and self._is_whole():
            self._strike()
            if not (self._turn() or self._rouse()):
                break
        if self._is_whole():
            ask_last_questions(self._execution, offered, self._make)

    def _is_whole(self) -> bool:
        return self._execution.violation is None

    def _settle(self) -> None:
        """Let those own first, one after another, who are to own from the beginning."""
        for letter in self._draft.scenario.cast.settled:
            for _ in range(LONGEST_WALK_STEPS):
                if not self._make(Move(STEP, letter)) or serves(self._execution.processes()[letter]):
                    break

    def _strike(self) -> None:
        """Let those faults happen that are due."""
        while self._strikes and self._strikes[0][0] <= self._made:
            _, family = self._strikes.pop(0)
            fault = draw_fault(self._execution, family, self._random)
            if fault is not None:
                self._make(fault)
                self._waiting.clear()

    def _turn(self) -> bool:
        """Let the scheduler choose who makes a step; whether anybody could."""
        ready = [who for who in (*self._letters, *self._unborn) if self._is_ready(who)]
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
        yields = step.call is not None and step.call.name in YIELDS
        self._scheduler.stepped(who, yields, lambda: self._rivals(step))
        return True

    def _is_ready(self, who: str) -> bool:
        if who in self._waiting:
            return False
        return who in self._unborn or self._execution.possible(Move(STEP, self._letters[who]))

    def _letter(self, who: str) -> str:
        """The letter of somebody, who is started where that has not been."""
        if who in self._unborn:
            letter = self._execution.next_letter()
            self._make(Move(self._unborn.pop(who), letter))
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

    def _rouse(self) -> bool:
        """Have somebody go on who is stopped, or an owner exit; whether there was anybody."""
        held_up = stopped(self._execution)
        if held_up:
            return self._make(Move("sigcont", self._random.choice(held_up)))
        serving = exitable(self._execution)
        if serving and self._exits:
            self._exits -= 1
            return self._make(Move("exit", self._random.choice(serving)))
        return False

    def _make(self, move: Move) -> bool:
        """Make a move; whether it was possible and breaks nothing."""
        execution = self._execution
        if execution.violation is not None:
            return False
        try:
            step = execution.make(move)
        except ScheduleMismatch:
            return False
        self._observe(execution, step)
        return execution.violation is None


def newcomers(draft: Draft) -> list[str]:
    """What a scheduler calls the processes beside those of the scenario, which have no letter yet."""
    return [f"{life} {number}" for number, life in enumerate(draft.lives, 1)]


def everybody(draft: Draft) -> list[str]:
    """What a scheduler calls all those whom it schedules."""
    return [*LETTERS[: len(draft.scenario.cast.lives)], *newcomers(draft)]
