"""The Hypothesis machine: longer lives, more processes and more faults than a search can exhaust.

Every fault that a schedule can name may happen. A machine begins again and again, since most of what goes
wrong does so early: on another disk, with some processes that race at once, and with a plan of faults. These
are few, and mostly none: each excuses some of what comes after it, so that among many of them no race is left
that counts (swarm testing, Groce et al., 2012).

A rule is a turn and not a step, so that a race prints as a few lines. The invariants are checked inside
the step loop. When a machine ends, the questions of the exhaustive search are asked of its last state:
does a query find the owner, and can everything be killed and started again?

Two things shrink. Hypothesis shrinks what it drew; the schedule that breaks an invariant is then made
minimal by ``stateful.deciders.minimise`` and, where a standard scenario shows the same, told in it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from functools import cached_property
from typing import Any, ClassVar, Final

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from stateful.deciders.guidance import guide
from stateful.deciders.last_questions import ask_about_owner, ask_last_questions
from stateful.deciders.needs import explain
from stateful.deciders.ordering import Orderings
from stateful.deciders.presence import exitable, living, owners, recoveries, running, serves
from stateful.deciders.scheduler import YIELDS
from stateful.deciders.situation import DISKS, LIFE, SITUATION, of_machine
from stateful.deciders.smallest import smallest
from stateful.deciders.turn import ACTS, TURN, turns_of
from stateful.deciders.unwatched import unwatched
from stateful.deciders.world import FAMILIES
from stateful.examine import examine
from stateful.execution import Execution
from stateful.invariants import LONGEST_LIFE_STEPS
from stateful.kernel.guard import Watchdog
from stateful.kernel.process import STARTING
from stateful.report.text import trace_text
from stateful.scenario import Scenario
from stateful.schedule import STEP, Move, ScheduleMismatch, parse_schedule
from stateful.subject import Offer, Subject, find_subject
from stateful.trace import Trace

MOST_LIVING: Final = 4
MOST_PROCESSES: Final = 20


class InvariantViolated(AssertionError):
    """An invariant is broken; its text is the smallest counterexample that shows it.

    Attributes:
        trace: the execution that broke it, as it was found.
    """

    def __init__(self, subject: Subject, scenario: Scenario, trace: Trace) -> None:
        super().__init__()
        assert trace.violation is not None
        self.subject = subject
        self.scenario = scenario
        self.trace = trace
        self.invariant = trace.violation.invariant

    def smallest(self) -> Trace:
        """The smallest trace that breaks the same invariant."""
        scenario, trace = smallest(self.subject, self.scenario, self.trace)
        return explain(self.subject, scenario, trace)

    @cached_property
    def _text(self) -> str:  # Hypothesis and pytest ask for it again and again, and it takes seconds.
        return "\n" + trace_text(self.smallest())

    def __str__(self) -> str:
        return self._text


# One class for each invariant, because Hypothesis tells failures apart by their class.
_violated: dict[str, type[InvariantViolated]] = {}


def _violation(invariant: str) -> type[InvariantViolated]:
    return _violated.setdefault(invariant, type(f"InvariantViolated_{invariant}", (InvariantViolated,), {}))


Choose = Callable[[Execution], list[str]]


def _among(choose: Choose) -> st.SearchStrategy[str]:
    """One of the names that a function of the execution gives."""
    return of_machine(lambda machine: st.sampled_from(choose(machine.execution)))


def _any(choose: Choose) -> Callable[[Any], bool]:
    """Whether there is any."""
    return lambda machine: bool(choose(machine.execution))


class _Digest:
    """What Hypothesis adds to the key of a machine in its database: the subject.

    Without it machines that share their code share their examples, and the one that holds would delete those
    that break the other.
    """

    def __get__(self, machine: object, kind: type[SingleOwnerMachine]) -> bytes:
        subject = kind.subject
        return (subject.name if isinstance(subject, Subject) else str(subject)).encode()


class SingleOwnerMachine(RuleBasedStateMachine):
    """Starts, runs, kills and ends processes of ``subject`` in any order.

    Subclass it with a ``subject``: a text as on the command line, or a Subject. None is the reference.
    With ``meddling`` somebody also removes and corrupts files, which many a right protocol has never
    promised to survive.
    """

    subject: ClassVar[Subject | str | None] = None
    meddling: ClassVar[bool] = False
    _offers: ClassVar[dict[Subject, Offer]] = {}
    _hypothesis_internal_add_digest = _Digest()

    def __init__(self) -> None:
        super().__init__()
        guide()
        subject = type(self).subject
        self._subject = subject if isinstance(subject, Subject) else find_subject(subject)
        if self._subject not in self._offers:
            self._offers[self._subject] = examine(self._subject)
        self._offer = self._offers[self._subject]
        self._execution: Execution | None = None
        self._watchdog = Watchdog()
        self._watchdog.__enter__()

    @property
    def execution(self) -> Execution:
        assert self._execution is not None
        return self._execution

    @initialize(**SITUATION)
    def begin(self, disk: str, schedule: str, plan: list[str]) -> None:
        """Lay out a disk, have some race on it at once, and say which faults are to come."""
        self.plan = [*plan]
        self._lay_out(disk)
        self._play(schedule)

    # -- who is there -----------------------------------------------------------------------------------

    def lives(self) -> list[str]:
        """The lives that a new process may get, the usual one first; override it to narrow the machine."""
        return [life for life in self._offer.lives if life != "peek"]

    def faults(self) -> st.SearchStrategy[str]:
        """What the next fault of the plan may be now."""
        return FAMILIES[self.plan[0]](self.execution) if self.plan else st.nothing()

    def _has_room(self) -> bool:
        return len(living(self.execution)) < MOST_LIVING

    # -- rules ------------------------------------------------------------------------------------------

    @rule(**SITUATION)
    def begin_again(self, disk: str, schedule: str, plan: list[str]) -> None:
        """Ask about the owner, and begin on another disk."""
        ask_about_owner(self.execution, self.lives(), self._make)
        self._end()
        self.begin(disk, schedule, plan)

    @precondition(_has_room)
    @rule(life=LIFE, syscalls=st.just(0) | TURN)
    def spawn(self, life: str, syscalls: int) -> None:
        """A new process, and its first turn."""
        if len(self.execution.processes()) < MOST_PROCESSES:
            letter = self.execution.next_letter()
            self._make(Move(life, letter))
            self._turn(letter, syscalls)

    @precondition(_any(running))
    @rule(turns=of_machine(lambda machine: turns_of(running(machine.execution))))
    def run(self, turns: str) -> None:
        """Some turns."""
        self._play(turns)

    @precondition(_any(running))
    @rule(process=_among(running), call=st.sampled_from(ACTS))
    def run_up_to(self, process: str, call: str) -> None:
        """A turn that ends before the next call of a kind."""
        self._turn(process, LONGEST_LIFE_STEPS, {call})

    @precondition(_any(running))
    @rule(process=_among(running))
    def finish(self, process: str) -> None:
        """A turn until the process owns or has ended, or is about to let others go first."""
        self._turn(process, LONGEST_LIFE_STEPS, YIELDS)

    @precondition(_any(exitable))
    @rule(process=_among(exitable), syscalls=TURN)
    def exit(self, process: str, syscalls: int) -> None:
        """An owner is done: its serve returns, and its exit handlers run."""
        self._make(Move("exit", process))
        self._turn(process, syscalls)

    @precondition(lambda machine: not machine.faults().is_empty)
    @rule(fault=of_machine(lambda machine: machine.faults()))
    def strike(self, fault: str) -> None:
        """The next fault of the plan happens."""
        self.plan.pop(0)
        for move in parse_schedule(fault):
            event(f"fault: {move.kind}")
            if move.kind == "crash" and self.execution.processes()[move.letter].phase == STARTING:
                event("a crash fell inside a claim")
            self._make(move)

    @precondition(_any(recoveries))
    @rule(what=_among(recoveries))
    def recover(self, what: str) -> None:
        """A fault that lasts comes to its end."""
        self._make(*parse_schedule(what))

    def teardown(self) -> None:
        """Ask the last questions and leave nothing behind."""
        try:
            # Hypothesis gives an example up by an exception: no answer would count then.
            if self._execution is not None and sys.exc_info()[0] is None:
                ask_last_questions(self.execution, self.lives(), self._make)
        finally:
            if self._execution is not None:
                self._end()
            self._watchdog.__exit__()

    # -- moves ------------------------------------------------------------------------------------------

    def _lay_out(self, disk: str) -> None:
        """Begin an execution."""
        self._orderings = Orderings()
        self._execution = Execution(self._subject, DISKS[disk])

    def _end(self) -> None:
        """Leave nothing of an execution behind."""
        self.execution.close()

    def _play(self, schedule: str) -> None:
        """Make the moves of a schedule that are possible."""
        for move in parse_schedule(schedule):
            if move.kind == STEP:
                self._turn(move.letter, 1)
            else:
                self._make(move)

    def _turn(self, letter: str, steps: int, calls: Collection[str] = ()) -> None:
        """Let a process make steps, until it waits, owns or ends, or is about to make one of some calls."""
        process = self.execution.processes()[letter]
        for _ in range(steps):
            if not process.alive or process.stopped or serves(process):
                break
            if not self._make(Move(STEP, letter)):
                break
            if process.pending is not None and process.pending.name in calls:
                break
        if process.outcome is not None:
            event(f"{process.life}: {process.outcome.kind}")

    def _make(self, move: Move) -> bool:
        """Make a move; whether it was possible. Raises InvariantViolated where it breaks one."""
        execution = self.execution
        try:
            with unwatched():
                step = execution.make(move)
        except ScheduleMismatch:
            return False  # It waits for a lock.
        for ordering in self._orderings.note(execution.trace, step) if move.letter else ():
            event(ordering)
        if execution.violation is not None:
            raise _violation(execution.violation.invariant)(
                self._subject, execution.scenario, execution.trace
            )
        if len(owners(self.execution)) == 1:
            event("an owner served")
        return True
