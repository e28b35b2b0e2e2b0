"""A Hypothesis machine whose rules make moves of an execution, and whose invariants look at what they did.

``SingleOwnerMachine`` has the rules and the invariants; here is how a rule happens and how an invariant is
checked: of each moment since the last rule, and of what would follow if the questions were asked now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import lru_cache, wraps
from types import TracebackType
from typing import Any, ClassVar, Final

from hypothesis import Phase, currently_in_test_context, event, reject, settings
from hypothesis.stateful import RuleBasedStateMachine

from stateful.model.disk import home_files
from stateful.model.families import FAMILIES, TAMPERING, fault_moves, is_decidable
from stateful.model.faults import FAULTS
from stateful.model.invariants import INVARIANTS, Invariant
from stateful.model.life import runs_other
from stateful.model.moment import Moment
from stateful.model.scenario import Scenario
from stateful.model.schedule import STEP, Move, ScheduleMismatch, format_schedule
from stateful.model.trace import Violation
from stateful.model.usage import faults_of
from stateful.protocol.subject import Offer, Subject, find_subject
from stateful.python.guard import Watchdog
from stateful.python.interpreter import Interpreter
from stateful.run.examine import examine
from stateful.run.execution import Execution
from stateful.run.presence import ExecutionWorld, living, owners
from stateful.sample.aside import Aside
from stateful.sample.conditions import runs
from stateful.sample.coverage_tools import guide, unobserved_by_coverage
from stateful.sample.invariant_violated import InvariantViolated, violation_of
from stateful.sample.orderings import Orderings
from stateful.sample.turns import HAS_CONFLICTED, IT

MOST_LIVING: Final = 4
MOST_PROCESSES: Final = 20
MOST_FAULTS: Final = 4  # signals, and as many others
LONGEST_TURN: Final = 200  # steps
MOST_CLASSES: Final = 4  # of which is remembered what was learnt


class _Digest:
    """The subject, which Hypothesis adds to a machine's key in its database.

    Otherwise machines with the same code would share their examples, and a machine that holds would delete
    the examples that break another.
    """

    def __get__(self, machine: object, kind: type[ExecutionMachine]) -> bytes:
        subject = kind.subject
        return (subject.name if isinstance(subject, Subject) else str(subject)).encode()


class ExecutionMachine(RuleBasedStateMachine):
    """A machine of a subject, without rules.

    Attributes:
        subject: the protocol: a text as on the command line, or a Subject. None is the reference.
        tampering: whether files are also removed and corrupted, which many correct protocols do not promise
            to survive.
        faults: which faults may happen in this execution, of ``turns.WRONG``.
        execution: the simulation; it exists from ``lay_out`` on.
    """

    subject: ClassVar[Subject | str | None] = None
    tampering: ClassVar[bool] = False
    faults: str = "all"
    execution: Execution
    _hypothesis_internal_add_digest = _Digest()

    def __init_subclass__(cls) -> None:
        """Report one failure, shown at its invariant."""
        super().__init_subclass__()
        case: Any = cls.TestCase
        case.settings = settings(case.settings, report_multiple_bugs=False)
        case.runTest = _shown_at_its_invariant(case.runTest)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._subject.name}>"

    def __init__(self) -> None:
        super().__init__()
        self._orderings = Orderings() if guide() else None  # to guide HypoFuzz
        subject = type(self).subject
        self._subject = subject if isinstance(subject, Subject) else find_subject(subject)
        self._offer, self._aside = _examined(type(self), self._subject)
        self.invariants = sorted(self.invariants, key=lambda each: _gravity(each.function.__name__))
        self._moments: list[Moment] = []  # of the last rule
        self._answers: dict[str, list[Move]] | None = None  # after the last rule
        self._watchdog = Watchdog()
        self._watchdog.__enter__()

    def teardown(self) -> None:
        """Clean up."""
        with unobserved_by_coverage():
            self._aside.close()
            if hasattr(self, "execution"):
                self.execution.close()
        self._watchdog.__exit__()

    # -- what may happen ----------------------------------------------------------------------------------

    def lives(self) -> Collection[str]:
        """The lives that a new process may get: ``start``, ``replace``, ``stop``, ``status``, ``peek``."""
        return self._offer.lives

    def others(self) -> list[str]:
        """The lives of the other subject, where there are two."""
        return [life for life in self.lives() if runs_other(life)]

    def families(self) -> Collection[str]:
        """The families of the faults that may happen."""
        return [family for family in FAMILIES if self.tampering or family not in TAMPERING]

    def may(self, family: str) -> bool:
        """Whether faults of a family may happen in this execution."""
        are_signals = any(fault.number for fault in FAMILIES[family].faults)
        allowed = are_signals if self.faults == "signals" else self.faults == "all"
        return allowed and family in self.families()

    def has_room(self, life: str = "start") -> bool:
        """Whether another process may start, with this life."""
        alive, letters = living(self.execution), self.execution.processes()
        return life in self.lives() and len(alive) < MOST_LIVING and len(letters) < MOST_PROCESSES

    def errors(self) -> set[str]:
        """The faults by which the next call of some process can fail."""
        running = filter(runs, self.execution.processes().values())
        return {fault for process in running if process.pending for fault in faults_of(process.pending)}

    def files(self) -> list[str]:
        """The files in the home."""
        return home_files(self.execution.kernel.disk())

    def orders(self) -> list[str]:
        """The orders in which folders that were not listed yet may list their names."""
        return [move.detail for move in fault_moves("listing-order", ExecutionWorld(self.execution))]

    # -- how it happens -----------------------------------------------------------------------------------

    def lay_out(self, scenario: Scenario) -> None:
        """Begin an execution."""
        self.execution = Execution(self._subject, scenario)

    def spawn(self, life: str, turn: int | str) -> Interpreter:
        """Start a process, and give it a turn; gives up an example of too many processes."""
        if len(self.execution.processes()) >= MOST_PROCESSES:
            reject()
        letter = self.execution.next_letter()
        self.make(Move(life, letter))
        process = self.execution.processes()[letter]
        self.turn(process, turn)
        return process

    def turn(self, process: Interpreter, turn: int | str) -> None:
        """Run a process for some calls or until something, but not beyond where it waits, owns or ends."""
        steps, it = (turn, "") if isinstance(turn, int) else (LONGEST_TURN, turn.removeprefix("until it "))
        for number in range(steps):
            if not runs(process):
                break
            meets = it in IT and IT[it](self.execution, process)
            if meets and number and it != HAS_CONFLICTED:
                break
            if not self.make(Move(STEP, process.letter)) or self.execution.violation:
                break
            if meets and it == HAS_CONFLICTED:
                break
        if process.outcome is not None:
            self.note(f"{process.life}: {process.outcome.kind}")

    def make(self, move: Move) -> bool:
        """Make a move; returns whether it was possible."""
        execution = self.execution
        if not is_decidable(move, ExecutionWorld(execution)) or self._is_too_much(move):
            return False
        try:
            with unobserved_by_coverage():
                step = execution.make(move)
        except ScheduleMismatch:
            return False
        if execution.moment is not None:
            self._moments.append(execution.moment)
        if self._orderings and move.letter:
            for ordering in self._orderings.note(execution.trace, step):
                self.note(ordering)
        return True

    def signal(self, name: str, process: Interpreter, *, inside: bool) -> None:
        """Let a signal arrive before the next call of a process, or inside it if that is possible."""
        if not (inside and self.make(Move(f"{name}-in", process.letter))):
            self.make(Move(name, process.letter))

    def _is_too_much(self, move: Move) -> bool:
        """Whether enough faults of a kind have happened; more would leave no time for processes to meet.

        No precondition: if rules come and go with the number of faults, Hypothesis shrinks badly.
        """
        row = FAULTS.get(move.kind)
        if row is None or not row.family or self._answers is not None:  # A question kills whom it has to.
            return False
        made = [FAULTS[step.move.kind] for step in self.execution.trace.steps if step.move.kind in FAULTS]
        return sum(bool(each.number) == bool(row.number) for each in made if each.family) >= MOST_FAULTS

    def note(self, text: str) -> None:
        """Let Hypothesis's statistics say that something happened."""
        if currently_in_test_context():  # not where somebody plays the rules by hand
            event(text)

    # -- how an invariant is checked ----------------------------------------------------------------------

    def check_invariants(self, how: Any, output: Any, *rest: Any) -> None:
        """Check every invariant; print the line of a broken one alone, as a dozen would hide the rules."""
        __tracebackhide__ = True
        if hasattr(self, "execution") and len(owners(self.execution)) == 1:
            self.note("an owner served")
        lines: list[str] = []
        try:
            super().check_invariants(how, lines.append, *rest)
        except InvariantViolated:
            if lines:
                output(lines[-1])
            raise
        self._moments, self._answers = [], None

    def check(self, is_true: Invariant) -> None:
        """Check an invariant at each moment of the last rule, and in what would follow now."""
        __tracebackhide__ = True
        name = is_true.__name__
        if name in self.execution.not_offered:
            return
        for moment in self._moments:
            self._fail_if(name, is_true(moment))
        if self.execution.violation is None:
            if self._answers is None:
                with unobserved_by_coverage():
                    self._answers = self._aside.ask(self.execution)
            moves = self._answers.get(name)
            if moves:
                for move in moves:
                    self.make(move)
                self._fail_if(name, f"{format_schedule(moves)} shows it")

    def _fail_if(self, name: str, sentence: str | None) -> None:
        __tracebackhide__ = True
        if sentence is not None:
            trace = self.execution.trace
            trace.violation = trace.violation or Violation(name, sentence)
            raise violation_of(name)(self._subject, self.execution.scenario, trace)


def _shown_at_its_invariant(run: Callable[[Any], None]) -> Callable[[Any], None]:
    """A test without Hypothesis's frames in its traceback, and without its phase that explains.

    That would trace each line to find out which argument matters; our text has reasons.
    """

    @wraps(run)
    def run_test(case: Any) -> None:
        __tracebackhide__ = True
        how = case.settings
        case.settings = settings(how, phases=[each for each in how.phases if each is not Phase.explain])
        try:
            run(case)
        except InvariantViolated as violated:
            raise violated.with_traceback(_at_the_invariant(violated.__traceback__)) from None

    return run_test


def _at_the_invariant(frames: TracebackType | None) -> TracebackType | None:
    """The traceback from the last frame on that is not hidden from pytest."""
    shown = frames
    while frames is not None:
        if not frames.tb_frame.f_locals.get("__tracebackhide__"):
            shown = frames
        frames = frames.tb_next
    return shown


def _gravity(name: str) -> int:
    """The place of an invariant among those that are checked after a rule; a subclass's own come last."""
    names = [each.__name__ for each in INVARIANTS]
    return names.index(name) if name in names else len(names)


@lru_cache(MOST_CLASSES)
def _examined(machine: type[ExecutionMachine], subject: Subject) -> tuple[Offer, Aside]:
    """What a subject offers, and what answers; a machine class of its own learns its subject's code anew."""
    offer = examine(subject)
    return offer, Aside(subject, offer)
