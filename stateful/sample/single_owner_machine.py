"""The Hypothesis machine: longer lives, more processes and more faults than a search can exhaust.

Every fault that a schedule can name may happen. A machine begins with short executions, since most violations
happen early: each is drafted like those of a campaign, on a new disk, with new processes and few faults, and
a random scheduler chooses the steps. Then comes a long execution: after its draft, Hypothesis draws rules.

The short executions are a function of one number. Hypothesis tries most of its draws five more times with
parts repeated elsewhere: of a hundred draws many short executions would be equal. If the number is the one of
the previous machine, which broke nothing, they are skipped.

A rule is a turn and not a step, so that a race prints as a few lines. Protocols differ tenfold in length, so
short turns are as likely as long ones. Most races are between a look and an act that relies on it, so a turn
may also end before an act.

The invariants are checked in the step loop. When a machine ends, the questions of the exhaustive search are
asked of its last state: does a query find the owner, and does a start succeed after all processes are killed?

Shrinking has two stages. Hypothesis shrinks its draws; then ``stateful.explain.minimise`` makes the violating
schedule minimal and, if a standard scenario shows the same violation, moves it there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from random import Random
from typing import Any, ClassVar, Final

from hypothesis import event, note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from stateful.model.call import Call
from stateful.model.families import FAMILIES, TAMPERING, recoveries
from stateful.model.lifecycle import STARTING
from stateful.model.moment import LONGEST_LIFE_STEPS
from stateful.model.scenario import Scenario
from stateful.model.schedule import STEP, Move, ScheduleMismatch, format_schedule, parse_schedule
from stateful.model.usage import row
from stateful.protocol.subject import Offer, Subject, find_subject
from stateful.python.guard import Watchdog
from stateful.run.examine import examine, steps_of_a_start
from stateful.run.execution import Execution
from stateful.run.presence import ExecutionWorld, exitable, living, owners, running, serves
from stateful.sample.acts import ACTS, KINDS
from stateful.sample.coverage_tools import guide, unobserved_by_coverage
from stateful.sample.draft import CONTENDER, NARROWEST, Draft, draw_draft
from stateful.sample.invariant_violated import InvariantViolated, violation_of
from stateful.sample.last_questions import ask_any_question, ask_last_questions
from stateful.sample.orderings import Orderings
from stateful.sample.random_faults import draw
from stateful.sample.scheduler import SCHEDULERS, scheduler_of
from stateful.sample.walk import Walk

SHORT_EXECUTIONS_STEPS: Final = 3_500  # total of the short executions of a machine
LAYING_OUT_STEPS: Final = 5  # steps that take as long as beginning an execution
MOST_IN_DRAFT: Final = 4
MOST_LIVING: Final = 4
MOST_PROCESSES: Final = 20
RANDOM: Final = st.randoms(use_true_random=False)
TURN: Final = st.integers(1, 4) | st.integers(1, 16) | st.integers(1, 48)
MOST_TURNS: Final = 16
LONGEST_TURNS: Final = (1, 4, 16)


def _of_machine(draw: Callable[[Any], st.SearchStrategy[str]]) -> st.SearchStrategy[str]:
    """A strategy that is a function of the running machine."""
    return st.runner().flatmap(draw)


def _never(call: Call) -> bool:
    return False


Choose = Callable[[Execution], list[str]]


def _among(choose: Choose) -> st.SearchStrategy[str]:
    """One of the names that a function of the execution returns; empty if it returns none."""
    return _of_machine(lambda machine: st.sampled_from(choose(machine.execution) or [""]))


@lru_cache
def _turns_of(letters: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Some turns of processes in schedule notation: ``A3 B1 A2``; empty if there is no process."""
    if not letters:
        return st.just("")
    return st.tuples(st.sampled_from(LONGEST_TURNS), st.integers(1, MOST_TURNS)).flatmap(
        lambda drawn: _turns(letters, *drawn)
    )


def _turns(letters: tuple[str, ...], longest: int, number: int) -> st.SearchStrategy[str]:
    turn = st.tuples(st.sampled_from(letters), st.integers(1, longest))
    return st.lists(turn, min_size=number, max_size=number).map(
        lambda turns: format_schedule([Move(STEP, letter) for letter, steps in turns for _ in range(steps)])
    )


def _recoveries(execution: Execution) -> list[str]:
    return [str(move) for move in recoveries(ExecutionWorld(execution))]


class _Digest:
    """The subject, which Hypothesis adds to a machine's key in its database.

    Otherwise machines with the same code would share their examples, and a machine that holds would delete
    the examples that break another.
    """

    def __get__(self, machine: object, kind: type[SingleOwnerMachine]) -> bytes:
        subject = kind.subject
        return (subject.name if isinstance(subject, Subject) else str(subject)).encode()


class SingleOwnerMachine(RuleBasedStateMachine):
    """Starts, runs, kills and ends processes of ``subject`` in any order.

    Subclass it with a ``subject``: a text as on the command line, or a Subject. None is the reference.
    With ``tampering`` files are also removed and corrupted, which many correct protocols do not promise to
    survive.
    """

    subject: ClassVar[Subject | str | None] = None
    tampering: ClassVar[bool] = False
    short_executions_steps: ClassVar[int] = SHORT_EXECUTIONS_STEPS
    _held: ClassVar[tuple[object, ...]] = ()  # the key of the previous machine's short executions
    _known: ClassVar[dict[Subject, tuple[Offer, int]]] = {}
    _hypothesis_internal_add_digest = _Digest()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "meddling" in vars(cls):
            raise TypeError("meddling is called tampering now; set tampering = True instead")

    def __init__(self) -> None:
        super().__init__()
        self._guided = guide()
        subject = type(self).subject
        self._subject = subject if isinstance(subject, Subject) else find_subject(subject)
        if self._subject not in self._known:
            self._known[self._subject] = examine(self._subject), steps_of_a_start(self._subject)
        self._offer, self._steps_of_a_start = self._known[self._subject]
        self._execution: Execution | None = None
        self._watchdog = Watchdog()
        self._watchdog.__enter__()

    @property
    def execution(self) -> Execution:
        assert self._execution is not None
        return self._execution

    @initialize(seed=st.integers(0, 2**32 - 1), random=RANDOM)
    def begin(self, seed: int, random: Random) -> None:
        """Run short executions, and begin a long one."""
        short = (self._subject, *self.lives(), seed)
        if short != self._held and not self._guided:
            self._execute_shortly(Random(seed))
            type(self)._held = short
        self._execute(self._draft(random), Random(random.getrandbits(32)))

    def _execute_shortly(self, random: Random) -> None:
        steps = 0
        while steps < self.short_executions_steps:
            draft = self._draft(random)
            try:
                self._execute(draft, random)
                if random.random() < 0.5:
                    ask_any_question(self.execution, self.lives(), self._make, random)
            except InvariantViolated:
                note(str(draft))
                raise
            steps += LAYING_OUT_STEPS + len(self.execution.trace.steps)
            self._end()

    def _draft(self, random: Random) -> Draft:
        width = random.randint(NARROWEST, MOST_IN_DRAFT)
        return draw_draft(random, self.lives(), width, self._steps_of_a_start, tampering=self.tampering)

    def _execute(self, draft: Draft, random: Random) -> None:
        self.kinds = list(dict.fromkeys([CONTENDER, *draft.scenario.cast.lives, *draft.lives]))
        self._lay_out(draft.scenario)
        scheduler = scheduler_of(random.choice(SCHEDULERS), draft, random)
        Walk(self.execution, draft, scheduler, random, self._make).run()

    # -- processes and faults ---------------------------------------------------------------------------

    def lives(self) -> list[str]:
        """The lives that a new process may get, the usual one first; override it to narrow the machine."""
        return list(self._offer.lives)

    def families(self) -> list[str]:
        """The families of the faults that may happen in the long execution."""
        return [family for family in FAMILIES if self.tampering or family not in TAMPERING]

    # -- rules ------------------------------------------------------------------------------------------

    # Rules have no preconditions: Hypothesis disables some rules of each machine, and gives up a machine if
    # no remaining rule can run. A rule does nothing if none of its moves is possible.

    @rule(life=_of_machine(lambda machine: st.sampled_from(machine.kinds)), syscalls=st.just(0) | TURN)
    def spawn(self, life: str, syscalls: int) -> None:
        """A new process, and its first turn."""
        if len(living(self.execution)) < MOST_LIVING and len(self.execution.processes()) < MOST_PROCESSES:
            letter = self.execution.next_letter()
            self._make(Move(life, letter))
            self._turn(letter, syscalls)

    @rule(turns=_of_machine(lambda machine: _turns_of(tuple(running(machine.execution)))))
    def run(self, turns: str) -> None:
        """Some turns."""
        for move in parse_schedule(turns) if turns else ():
            self._turn(move.letter, 1)

    @rule(process=_among(running), call=st.sampled_from(KINDS))
    def run_up_to(self, process: str, call: str) -> None:
        """A turn that ends before the next call of a kind."""
        self._turn(process, LONGEST_LIFE_STEPS, ACTS[call])

    @rule(process=_among(running))
    def finish(self, process: str) -> None:
        """A turn until the process owns, has ended, or is about to yield to others."""
        self._turn(process, LONGEST_LIFE_STEPS, lambda call: row(call).passes_time)

    @rule(process=_among(exitable), syscalls=TURN)
    def exit(self, process: str, syscalls: int) -> None:
        """Ask an owner to exit: its serve returns, and its exit handlers run."""
        if process:
            self._make(Move("exit", process))
            self._turn(process, syscalls)

    @rule(family=_of_machine(lambda machine: st.sampled_from(machine.families())), random=RANDOM)
    def strike(self, family: str, random: Random) -> None:
        """A fault of a family."""
        moves = draw(family, self.execution, random)
        if moves:
            note(format_schedule(moves))
        for move in moves:
            event(f"fault: {move.kind}")
            if move.kind == "crash" and self.execution.processes()[move.letter].phase == STARTING:
                event("a crash fell inside a claim")
            self._make(move)

    @rule(what=_among(_recoveries))
    def recover(self, what: str) -> None:
        """End a lasting fault."""
        for move in parse_schedule(what) if what else ():
            self._make(move)

    def teardown(self) -> None:
        """Ask the last questions and clean up."""
        try:
            # Hypothesis gives up an example by an exception; answers would not count then.
            if self._execution is not None and sys.exc_info()[0] is None:
                ask_last_questions(self.execution, self.lives(), self._make)
        finally:
            if self._execution is not None:
                self._end()
            self._watchdog.__exit__()

    # -- moves ------------------------------------------------------------------------------------------

    def _lay_out(self, scenario: Scenario) -> None:
        """Begin an execution."""
        self._orderings = Orderings()
        self._execution = Execution(self._subject, scenario)

    def _end(self) -> None:
        """Close the execution."""
        self.execution.close()

    def _turn(self, letter: str, steps: int, until: Callable[[Call], bool] = _never) -> None:
        """Run a process for some steps, or until it waits, owns, ends, or ``until`` holds for its call."""
        process = self.execution.processes().get(letter)
        if process is None:
            return
        for _ in range(steps):
            if not process.alive or process.stopped or serves(process):
                break
            if not self._make(Move(STEP, letter)):
                break
            if process.pending is not None and until(process.pending):
                break
        if process.outcome is not None:
            event(f"{process.life}: {process.outcome.kind}")

    def _make(self, move: Move) -> bool:
        """Make a move; returns whether it was possible. Raises InvariantViolated if it breaks one."""
        execution = self.execution
        try:
            with unobserved_by_coverage():
                step = execution.make(move)
        except ScheduleMismatch:
            return False  # The process waits for a lock.
        for ordering in self._orderings.note(execution.trace, step) if move.letter else ():
            event(ordering)
        if execution.violation is not None:
            raise violation_of(execution.violation.invariant)(
                self._subject, execution.scenario, execution.trace
            )
        if len(owners(self.execution)) == 1:
            event("an owner served")
        return True
