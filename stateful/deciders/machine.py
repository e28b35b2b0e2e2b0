"""The Hypothesis machine: longer lives, more processes and more faults than a search can exhaust.

Every fault that a schedule can name is a rule, without a limit on how often it happens.

A rule is a turn and not a step, so that a race prints as a few lines. The invariants are checked inside
the step loop. When a machine ends, the questions of the exhaustive search are asked of its last state:
does a query find the owner, and can everything be killed and started again?

Two things shrink. Hypothesis shrinks what it drew; the schedule that breaks an invariant is then made
minimal by ``stateful.deciders.minimise`` and, where a standard scenario shows the same, told in it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, Final

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from stateful.deciders.guidance import guide
from stateful.deciders.last_questions import ask_last_questions
from stateful.deciders.needs import explain
from stateful.deciders.ordering import Orderings
from stateful.deciders.power import JUDGED
from stateful.deciders.presence import (
    exitable,
    fallible,
    files,
    living,
    owners,
    pending,
    recyclable,
    running,
    serves,
    stopped,
)
from stateful.deciders.smallest import smallest
from stateful.deciders.unwatched import unwatched
from stateful.examine import examine
from stateful.execution import Execution
from stateful.image import NAMELESS, NULL_OWN_PID, NULL_START
from stateful.kernel.call_faults import faults_of
from stateful.kernel.guard import Watchdog
from stateful.kernel.hostile import HOSTILE, IN_ITS_PLACE
from stateful.kernel.machine import DEAD_PID
from stateful.kernel.power import POWER_LOSS
from stateful.kernel.process import STARTING
from stateful.report.text import trace_text
from stateful.scenario import OPEN_ENDED, Scenario
from stateful.schedule import STEP, Move, ScheduleMismatch, parse_schedule
from stateful.subject import Offer, Subject, find_subject
from stateful.trace import Trace

MOST_LIVING: Final = 4
MOST_PROCESSES: Final = 20
SHORT_TURN_STEPS: Final = 16
TO_THE_END: Final = 99
# A race needs one process to be held up at one point, and others to get far meanwhile.
TURN: Final = st.integers(1, SHORT_TURN_STEPS) | st.just(TO_THE_END)
UPSETS: Final = st.sampled_from(("reboot", "disk-full", "read-only", "disk-well")) | st.builds(
    "clock{:+}".format, st.integers(1, 10**6) | st.integers(-(10**6), -1)
)
# A record without a start time cannot be told from that of another gateway that has been given its pid.
UNDECIDABLE: Final = (NAMELESS, NULL_START, NULL_OWN_PID)
DISKS: Final = {scenario.disk.name: scenario for scenario in OPEN_ENDED if scenario.disk not in UNDECIDABLE}


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


def _among(choose: Callable[[Execution], list[str]]) -> st.SearchStrategy[str]:
    """One of the names that a function of the execution gives."""
    return st.runner().flatmap(lambda machine: st.sampled_from(choose(machine.execution)))


def _any(choose: Callable[[Execution], list[str]]) -> Callable[[Any], bool]:
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
        self._orderings = Orderings()
        self._watchdog = Watchdog()
        self._watchdog.__enter__()

    @property
    def execution(self) -> Execution:
        assert self._execution is not None
        return self._execution

    @initialize(disk=st.sampled_from(tuple(DISKS)))
    def begin(self, disk: str) -> None:
        """Lay out a disk."""
        self._execution = Execution(self._subject, DISKS[disk])

    # -- who is there -----------------------------------------------------------------------------------

    def lives(self) -> list[str]:
        """The lives that a new process may get; override it to narrow the machine."""
        return [life for life in self._offer.lives if life != "peek"]

    def _has_room(self) -> bool:
        return len(living(self.execution)) < MOST_LIVING

    # -- rules ------------------------------------------------------------------------------------------

    @precondition(_has_room)
    @rule(life=st.runner().flatmap(lambda machine: st.sampled_from(machine.lives())), syscalls=TURN)
    def spawn(self, life: str, syscalls: int) -> None:
        """A new process, and its first turn."""
        if len(self.execution.processes()) < MOST_PROCESSES:
            letter = self.execution.next_letter()
            self._make(Move(life, letter))
            self._turn(letter, syscalls)

    @precondition(_any(running))
    @rule(process=_among(running), syscalls=TURN)
    def run(self, process: str, syscalls: int) -> None:
        """A turn."""
        self._turn(process, syscalls)

    @precondition(_any(living))
    @rule(process=_among(living))
    def sigkill(self, process: str) -> None:
        """SIGKILL: nothing of the process runs any more."""
        if self.execution.processes()[process].phase == STARTING:
            event("a crash fell inside a claim")
        self._make(Move("crash", process))

    @precondition(_any(living))
    @rule(process=_among(living))
    def sigterm(self, process: str) -> None:
        """SIGTERM: an owner shuts down; a process that has no handler yet ends at once."""
        self._make(Move("term", process))

    @precondition(_any(exitable))
    @rule(process=_among(exitable), syscalls=TURN)
    def exit(self, process: str, syscalls: int) -> None:
        """An owner is done: its serve returns, and its exit handlers run."""
        self._make(Move("exit", process))
        self._turn(process, syscalls)

    # -- what the world does ----------------------------------------------------------------------------

    @precondition(_any(running))
    @rule(process=_among(running))
    def sigstop(self, process: str) -> None:
        """SIGSTOP: the process is held up until SIGCONT."""
        self._make(Move("sigstop", process))

    @precondition(_any(stopped))
    @rule(process=_among(stopped))
    def sigcont(self, process: str) -> None:
        """SIGCONT."""
        self._make(Move("sigcont", process))

    @precondition(_any(fallible))
    @rule(process=_among(fallible), data=st.data())
    def fail(self, process: str, data: st.DataObject) -> None:
        """The next call of a process fails."""
        fault = data.draw(st.sampled_from(faults_of(pending(self.execution, process))), label="fault")
        event(f"fault: {fault}")
        self._make(Move(fault, process))

    @rule(kind=st.sampled_from(("recycle", "lookalike")), data=st.data())
    def recycle(self, kind: str, data: st.DataObject) -> None:
        """The pid of a process that has ended goes to somebody else."""
        whom = data.draw(st.sampled_from([str(DEAD_PID), *recyclable(self.execution)]), label="whom")
        if whom.isalpha():
            self._make(Move(kind, whom))
        else:
            self._make(Move(kind, "", whom))

    @precondition(lambda machine: machine.meddling and bool(files(machine.execution)))
    @rule(name=_among(files), how=st.sampled_from((*HOSTILE, *IN_ITS_PLACE)) | st.binary(max_size=64))
    def corrupt(self, name: str, how: str | bytes) -> None:
        """Other bytes stand in a file than anybody wrote."""
        event("a file was corrupted")
        self._make(Move("corrupt", "", f"{name}={how if isinstance(how, str) else '0x' + how.hex()}"))

    @precondition(lambda machine: machine.meddling and bool(files(machine.execution)))
    @rule(name=_among(files))
    def remove(self, name: str) -> None:
        """An operator removes a file."""
        self._make(Move("remove", "", name))

    @precondition(lambda machine: machine.meddling)
    @rule(fault=st.sampled_from(("home-gone", "home-new")))
    def lose_home(self, fault: str) -> None:
        """The home is gone, or a new one is in its place."""
        self._make(Move(fault))

    @precondition(lambda machine: machine.execution.kernel.persistence is not None)
    @rule(profile=st.sampled_from(JUDGED), data=st.data())
    def lose_power(self, profile: str, data: st.DataObject) -> None:
        """Power is lost, and of what was not synced, something is left; once in a machine."""
        persistence = self.execution.kernel.persistence
        images = persistence.images(profile).listed if persistence is not None else ()
        if images:
            number = data.draw(st.integers(1, len(images)), label="image")
            event("power was lost")
            self._make(Move(POWER_LOSS, "", f"{profile}-{number}"))

    @rule(fault=UPSETS)
    def upset(self, fault: str) -> None:
        """The disk is full or read-only, the clock is set, or the machine is booted again."""
        self._make(*parse_schedule(fault))

    def teardown(self) -> None:
        """Ask the last questions and leave nothing behind."""
        try:
            # Hypothesis gives an example up by an exception: no answer would count then.
            if self._execution is not None and sys.exc_info()[0] is None:
                ask_last_questions(self.execution, self.lives(), self._make)
        finally:
            if self._execution is not None:
                self._execution.close()
            self._watchdog.__exit__()

    # -- moves ------------------------------------------------------------------------------------------

    def _turn(self, letter: str, steps: int) -> None:
        """Let a process make steps, until it waits, owns or ends."""
        process = self.execution.processes()[letter]
        for _ in range(steps):
            if not process.alive or process.stopped or serves(process):
                break
            if not self._make(Move(STEP, letter)):
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
