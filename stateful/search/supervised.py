"""Plays a supervised scenario in virtual time, in the one order that follows from the clock.

Every process that can run does so, in the order of the units, until it waits, owns or ends; a step takes no
time. When no process can run, the clock advances to the next event: the end of a wait, a signal, a start. So
waits of several processes overlap, unlike in the search, which tries every order of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Final

from stateful.kernel.signals import wakes_at
from stateful.model.chronicle import ENDS, OWNS, RUN_INVARIANTS, STARTS, Chronicle, Occurrence
from stateful.model.clock import START
from stateful.model.invariants import at_most_one_owner
from stateful.model.lifecycle import OWNER, Outcome
from stateful.model.machine import FIRST_PID, START_TICKS
from stateful.model.moment import Moment
from stateful.model.scenario import Scenario
from stateful.model.schedule import LETTERS, STEP, Move, ScheduleMismatch
from stateful.model.supervision import Supervision
from stateful.model.supervisor import SECOND, Run
from stateful.model.syscalls import WAITS
from stateful.model.trace import Step, Violation
from stateful.protocol.subject import Subject
from stateful.python.guard import Watchdog
from stateful.python.interpreter import Interpreter
from stateful.run.execution import Execution
from stateful.search.result import Result

TICK_US: Final = 10_000
LIMIT_TURN_STEPS: Final = 10_000
LIMIT_RESPAWNS: Final = 20_000


class Unfinished(Exception):
    """The scenario cannot be played to its end, and why."""


class Supervised:
    """Plays supervised scenarios, one after another; a ``Decider``."""

    def __init__(self, subject: Subject, scenarios: Sequence[Scenario], deadline: float) -> None:
        self._subject = subject
        self._scenarios = scenarios
        self._deadline = deadline
        self._under_way = scenarios[0]

    def run(self) -> Iterator[Result]:
        """The result of each scenario."""
        for scenario in self._scenarios:
            self._under_way = scenario
            yield supervise(self._subject, scenario, self._deadline)

    def so_far(self) -> Result:
        """An empty result of the current scenario: it has none before its end."""
        return Result(self._under_way)

    def close(self) -> None:
        """Nothing to release: each execution has been closed."""


def supervise(subject: Subject, scenario: Scenario, deadline: float = float("inf")) -> Result:
    """The result of a supervised scenario, played until ``deadline`` by ``time.perf_counter`` at most."""
    started = time.perf_counter()
    result = Result(scenario)
    with Watchdog(), Execution(subject, scenario, judged=False) as execution:
        play = _Play(execution, deadline)
        try:
            play.to_the_end()
        except Unfinished as why:
            result.reason = str(why)
    chronicle = result.chronicle = play.chronicle
    result.calls = play.calls
    if chronicle.violation is None and not result.reason:
        _judge(chronicle, execution.not_offered)
    if chronicle.violation is not None:
        result.violations[chronicle.violation.invariant] = chronicle
    elif len(chronicle.blows) < len(play.supervision.blows):
        result.unreached = ("the_owner_was_struck",)
        result.reason = result.reason or "no process was alive when its signals were due"
    result.exhaustive = not result.reason
    result.seconds = time.perf_counter() - started
    return result


def _judge(chronicle: Chronicle, not_offered: frozenset[str]) -> None:
    for invariant in RUN_INVARIANTS:
        sentence = None if invariant.__name__ in not_offered else invariant(chronicle)
        if sentence is not None:
            chronicle.violation = Violation(invariant.__name__, sentence)
            return


class _Play:
    """A supervised scenario being played; times are in microseconds from its beginning."""

    def __init__(self, execution: Execution, deadline: float) -> None:
        supervision = execution.scenario.cast.supervision
        assert supervision is not None
        self.supervision: Supervision = supervision
        self.calls = 0
        self._execution = execution
        self._deadline = deadline
        self._units = dict(zip(LETTERS, supervision.units, strict=False))
        trace = execution.trace
        self.chronicle = Chronicle(trace.subject, trace.scenario, trace.title, supervision=supervision)
        self._end = round((supervision.last_at_s + supervision.watched_s) * SECOND)
        self._due = {letter: round(unit.starts_at_s * SECOND) for letter, unit in self._units.items()}
        self._blows = sorted(supervision.blows)
        self._runs: dict[str, list[Run]] = {letter: [] for letter in self._units}
        self._places: dict[str, int] = {}  # the index of each unit's last run among all runs
        self._steps: dict[str, list[Step]] = {}
        self._tried: dict[
            str, tuple[int, int]
        ] = {}  # when a process was last found waiting: calls made and time

    @property
    def _now(self) -> int:
        return self._execution.kernel.clock.monotonic - START.monotonic

    def to_the_end(self) -> None:
        """Play until the time is up. Raises Unfinished."""
        while self.chronicle.violation is None:
            if time.perf_counter() > self._deadline:
                raise Unfinished("the budget was spent")
            moved = [self._turn(letter) for letter in list(self._execution.processes())]
            if any(moved):
                continue
            following = self._next()
            if following is None or following >= self._end:
                break
            kernel = self._execution.kernel
            kernel.clock = kernel.clock._replace(monotonic=START.monotonic + following)
            self._inject()
            self._start()
        self.chronicle.lasted = self._end if self.chronicle.violation is None else self._now

    def _next(self) -> int | None:
        wakes = [wakes_at(process) for process in self._execution.processes().values() if process.alive]
        times = [*self._due.values(), *(round(blow.at_s * SECOND) for blow in self._blows[:1])]
        times += [wake - START.monotonic for wake in wakes if wake is not None]
        return min(times, default=None)

    # -- the world and the supervisors ----------------------------------------------------------------

    def _inject(self) -> None:
        while self._blows and round(self._blows[0].at_s * SECOND) <= self._now:
            blow = self._blows.pop(0)
            process = self._execution.processes().get(blow.letter)
            if process is not None and process.alive:
                self._enter(blow.letter, blow.kind)
                self._execution.make(Move(blow.kind, blow.letter))
                self._note_end(process)

    def _start(self) -> None:
        for letter in [letter for letter, at in self._due.items() if at <= self._now]:
            del self._due[letter]
            if self.chronicle.respawns >= LIMIT_RESPAWNS:
                raise Unfinished(f"its supervisors had started {LIMIT_RESPAWNS:,} processes")
            unit = self._units[letter]
            kept = unit.keeps_pid and self._runs[letter]
            pid = self._runs[letter][0].pid if kept else FIRST_PID + len(self.chronicle.runs)
            self._execution.trace.steps.clear()
            self._steps[letter] = []
            self._places[letter] = len(self.chronicle.runs)
            self._runs[letter].append(Run(letter, pid, self._now))
            self.chronicle.runs.append(self._runs[letter][-1])
            self._enter(letter, STARTS)
            self._tried.pop(letter, None)
            process = self._execution.launch(letter, unit.life, pid, START_TICKS + self._now // TICK_US)
            process.since = self._execution.kernel.clock.monotonic
            self._note_owner(process)  # It may become owner without making a step.

    def _enter(self, letter: str, what: str) -> None:
        self.chronicle.entries.append(Occurrence(self._now, self._places[letter], what))

    def _note(self, letter: str, run: Run, what: str) -> None:
        self._enter(letter, what)
        self._runs[letter][-1] = self.chronicle.runs[self._places[letter]] = run

    def _note_end(self, process: Interpreter) -> None:
        """If a process has ended, let its supervisor decide."""
        outcome, letter = process.outcome, process.letter
        if outcome is None or self._runs[letter][-1].ended is not None:
            return
        signal = _signal(outcome)
        run = self._runs[letter][-1]._replace(ended=self._now, status=outcome.status, signal=signal)
        self._note(letter, run, ENDS)
        if run.owned is None:
            self.chronicle.steps = self._steps[letter]
            self.chronicle.lives = {letter: process.life}
            self.chronicle.pids = {letter: process.pid}
        decision = self._units[letter].supervisor.after(self._runs[letter])
        self.chronicle.decisions[letter] = decision
        if decision.delay is not None:
            self._due[letter] = self._now + decision.delay

    # -- the processes ----------------------------------------------------------------------------------

    def _turn(self, letter: str) -> bool:
        """Run a process until it waits, owns or ends; returns whether it made a step."""
        process = self._execution.processes()[letter]
        for number in range(LIMIT_TURN_STEPS):
            if not self._can_go(process) or not self._step(process):
                return number > 0
        raise Unfinished(f"{letter} goes on for {LIMIT_TURN_STEPS:,} steps without waiting")

    def _can_go(self, process: Interpreter) -> bool:
        if not process.alive or process.stopped or process.pending is None:
            return False
        if process.signals:
            return True
        if process.pending.name in WAITS:
            return False
        return self._tried.get(process.letter) != (self.calls, self._now)

    def _step(self, process: Interpreter) -> bool:
        """Make a step of a process; returns False if it has to wait."""
        letter, waited = process.letter, process.pending
        try:
            step = self._execution.make(Move(STEP, letter))
        except ScheduleMismatch:
            self._tried[letter] = self.calls, self._now
            return False
        self.calls += 1
        self._steps[letter].append(step)
        if process.pending is not waited:
            process.since = self._execution.kernel.clock.monotonic
        self._note_owner(process)
        for other in list(self._execution.processes().values()):
            self._note_end(other)  # The process may have killed another one.
        return True

    def _note_owner(self, process: Interpreter) -> None:
        run = self._runs[process.letter][-1]
        if process.phase != OWNER or run.owned is not None:
            return
        self._note(process.letter, run._replace(owned=self._now), OWNS)
        move = Move(STEP, process.letter)
        views = self._execution.views()
        sentence = at_most_one_owner(Moment.just_after(move, None, None, views, waiting=0))
        if sentence is not None:
            self.chronicle.violation = Violation(at_most_one_owner.__name__, sentence)


def _signal(outcome: Outcome) -> str:
    return str(outcome.value) if outcome.kind == "killed" else ""
