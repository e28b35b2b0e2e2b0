"""The work on a slice: one execution after another, until the slice's seconds are over.

A violation is written to the corpus before anything else is done with it. Then it is executed again,
reported, minimised and saved as a case. If a counterexample of the invariant is known, only a smaller one is.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Final

from stateful.campaign.corpus import Corpus, Kept
from stateful.campaign.coverage import Coverage
from stateful.campaign.lines import Lines
from stateful.campaign.machines import run_machines
from stateful.campaign.messages import MINIMISE, REVISIT, Found, Message, Progress, Revisited, Slice
from stateful.campaign.neighbour import execute, vary
from stateful.explain.case_writer import NotTold, tell
from stateful.explain.minimise import LIMIT_MOVES, smallest, weigh
from stateful.explain.needs import explain
from stateful.kernel.persistence import forget_images
from stateful.model.scenario import Scenario
from stateful.model.schedule import Move, ScheduleMismatch
from stateful.model.standard import find_scenario
from stateful.model.trace import Trace
from stateful.protocol.subject import Subject
from stateful.python.guard import Watchdog
from stateful.run.replay import Nondeterminism, replay
from stateful.sample.draft import Draft, draw_draft
from stateful.sample.last_questions import before_questions
from stateful.sample.scheduler import MACHINE, NEIGHBOUR, PCT_DEPTHS, pct_bound, scheduler_of
from stateful.sample.walk import walk

SECONDS_BETWEEN_REPORTS: Final = 0.5
LONGEST_KEPT_MOVES: Final = 400
A_LITTLE_MOVES: Final = 5_000  # to minimise a violation until it is readable, before the full budget is spent

Tell = Callable[[Message], None]


def work(
    subject: Subject,
    offered: Sequence[str],
    steps_of_a_start: int,
    corpus: Corpus,
    given: Slice,
    report: Tell,
) -> None:
    """Do a slice. Raises the subject's errors, and OSError if the corpus cannot be written."""
    session = _Session(subject, offered, steps_of_a_start, corpus, given, report)
    with Watchdog(), session.lines:
        try:
            session.run()
        finally:
            session.report()
            forget_images()


class _Session:
    def __init__(
        self,
        subject: Subject,
        offered: Sequence[str],
        steps_of_a_start: int,
        corpus: Corpus,
        given: Slice,
        tell: Tell,
    ) -> None:
        self._subject = subject
        self._offered = offered
        self._steps_of_a_start = steps_of_a_start
        self._corpus = corpus
        self._given = given
        self._tell = tell
        self._until = time.monotonic() + given.seconds
        self._coverage = Coverage(given.orderings, given.goals)
        self._smallest = dict(given.smallest)
        self.lines = Lines()
        self._runs = 0
        self._violations: Counter[str] = Counter()
        self._sampled: dict[int, tuple[int, float]] = {}
        self._told = Progress("", orderings=given.orderings, goals=given.goals)
        self._reported = time.monotonic()

    def run(self) -> None:
        """Do the slice, as its member says."""
        member = self._given.member
        if member == REVISIT:
            self._revisit()
        elif member == MINIMISE:
            for kept in self._given.inputs:
                self._minimise(kept)
        elif member == MACHINE:
            run_machines(
                self._subject, self._given, self._corpus.hypothesis, self._coverage, self._note, self._until
            )
        elif member == NEIGHBOUR and self._given.inputs:
            self._run_neighbours()
        else:
            self._walk()

    # -- members ----------------------------------------------------------------------------------------

    def _walk(self) -> None:
        for number in self._numbers():
            random = Random(f"{self._given.seed}-{number}")
            draft = draw_draft(random, self._offered, self._given.width, self._steps_of_a_start)
            scheduler = scheduler_of(self._given.member, draft, random)
            trace = walk(self._subject, self._offered, draft, scheduler, random, self._coverage.observe)
            self._sample(draft, trace)
            self._note(draft.scenario, trace)

    def _run_neighbours(self) -> None:
        for number in self._numbers():
            random = Random(f"{self._given.seed}-{number}")
            kept = random.choice(self._given.inputs)
            scenario = find_scenario(kept.scenario)
            self._note(scenario, self._execute(scenario, vary(random, kept.moves)))

    def _revisit(self) -> None:
        """Execute kept schedules again, and drop those that no longer reach anything first."""
        reaching, dropped = [], 0
        for kept in self._given.inputs:
            self._coverage.begin()
            scenario = _scenario_of(kept)
            trace = self._execute(scenario, kept.moves) if scenario else None
            if scenario and trace and (trace.violation or self._coverage.novelties):
                reaching.append(kept)
                self._note(scenario, trace)
            else:
                self._corpus.drop(kept)
                dropped += 1
        self._tell(Revisited(tuple(reaching), dropped))

    def _minimise(self, kept: Kept) -> None:
        """Minimise a violation that an earlier campaign had no time for; one that is fixed by now is kept."""
        scenario = _scenario_of(kept)
        if scenario is not None:
            try:
                trace = replay(self._subject, scenario, kept.moves)
            except ScheduleMismatch:
                return
            if trace.violation:
                self._violated(scenario, trace)
                if not self._is_smaller(trace):
                    self._corpus.drop(kept)  # There is a case for the same invariant.

    def _execute(self, scenario: Scenario, moves: Sequence[Move]) -> Trace:
        return execute(self._subject, self._offered, scenario, moves, self._coverage.observe)

    def _numbers(self) -> Iterator[int]:
        """Number the executions, until the time is over."""
        number = 0
        while time.monotonic() < self._until:
            self._coverage.begin()
            yield number
            number += 1

    # -- what came of an execution ------------------------------------------------------------------------

    def _note(self, scenario: Scenario, trace: Trace) -> None:
        """Record an execution that has ended."""
        self._runs += 1
        if trace.violation is not None:
            self._violated(scenario, trace)
        elif self._coverage.novelties and self._given.member != REVISIT:
            moves = before_questions(trace.moves)
            if 0 < len(moves) <= LONGEST_KEPT_MOVES:
                kept = Kept(self._subject.name, scenario.name, tuple(moves))
                self._corpus.keep(kept)
                self._tell(kept)
        if time.monotonic() - self._reported > SECONDS_BETWEEN_REPORTS:
            self.report()

    def _violated(self, scenario: Scenario, trace: Trace) -> None:
        assert trace.violation is not None
        invariant = trace.violation.invariant
        self._violations[invariant] += 1
        if not self._is_smaller(trace):
            return
        kept = Kept(self._subject.name, scenario.name, tuple(trace.moves), invariant)
        self._corpus.keep(kept)
        self._confirm(scenario, trace)
        self._tell(Found(trace, False, kept.file_name))
        self._smallest[invariant] = weigh(trace.moves)
        saved: Path | None = None
        for limit in (A_LITTLE_MOVES, LIMIT_MOVES):
            before = weigh(trace.moves)
            scenario, trace = smallest(self._subject, scenario, trace, limit)
            if saved and weigh(trace.moves) >= before:
                break
            saved = self._save(scenario, trace, kept, saved)
            self._smallest[invariant] = weigh(trace.moves)

    def _save(self, scenario: Scenario, trace: Trace, kept: Kept, before: Path | None) -> Path | None:
        """Save a case in place of the schedule or the case before it; return the path of the case, if any."""
        try:
            case = tell(self._subject, scenario, trace)
        except NotTold:
            self._tell(Found(trace, True, before.name if before else kept.file_name))
            return before
        path = self._corpus.save(case)
        self._corpus.drop(kept)
        if before is not None and before != path:
            before.unlink(missing_ok=True)
        self._tell(Found(explain(self._subject, scenario, trace), True, path.name))
        return path

    def _is_smaller(self, trace: Trace) -> bool:
        """Whether a counterexample is smaller than the known ones of its invariant."""
        assert trace.violation is not None
        known = self._smallest.get(trace.violation.invariant)
        return known is None or weigh(trace.moves) < known

    def _confirm(self, scenario: Scenario, trace: Trace) -> None:
        """Raise Nondeterminism if the same schedule does not give the same violation again."""
        try:
            again = replay(self._subject, scenario, trace.moves)
        except ScheduleMismatch as misfit:
            raise Nondeterminism(f"a schedule was possible once, and then {misfit}") from None
        if again.violation != trace.violation:
            assert trace.violation is not None
            raise Nondeterminism(
                f"{trace.schedule!r} broke {trace.violation.invariant} once, and then it did not"
            )

    def _sample(self, draft: Draft, trace: Trace) -> None:
        """Add a run to PCT's bound, which holds if the run was no longer than expected and not cut short."""
        depth = PCT_DEPTHS.get(self._given.member)
        steps = sum(move.steps for move in before_questions(trace.moves))
        if depth is None or draft.cut is not None or steps > draft.steps:
            return
        runs, missed = self._sampled.get(depth, (0, 0.0))
        missed += math.log1p(-pct_bound(draft.processes, draft.steps, depth))
        self._sampled[depth] = (runs + 1, missed)

    # -- reports ------------------------------------------------------------------------------------------

    def report(self) -> None:
        """Send what was done since the last report."""
        coverage, told = self._coverage, self._told
        reached = Progress(
            self._given.member,
            orderings=frozenset(coverage.orderings),
            goals=frozenset(coverage.goals),
            lines=frozenset(self.lines.run()),
            all_lines=frozenset(self.lines.there()),
        )
        self._told = reached
        self._tell(
            Progress(
                self._given.member,
                self._runs,
                coverage.steps,
                coverage.take_states(),
                reached.orderings - told.orderings,
                reached.goals - told.goals,
                dict(coverage.faults),
                dict(self._violations),
                dict(self._sampled),
                reached.lines - told.lines,
                reached.all_lines - told.all_lines,
            )
        )
        self._runs = coverage.steps = 0
        self._sampled.clear()
        self._violations.clear()
        coverage.faults.clear()
        self._reported = time.monotonic()


def _scenario_of(kept: Kept) -> Scenario | None:
    try:
        return find_scenario(kept.scenario)
    except KeyError:
        return None
