"""Verifies a subject: searches every scenario and draws the verdict."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from stateful.explain.blame import to_blame
from stateful.explain.minimise import minimise
from stateful.explain.needs import explain
from stateful.model.call import UnmodelledSyscall
from stateful.model.chronicle import RUN_INVARIANTS, Chronicle
from stateful.model.invariants import INVARIANTS
from stateful.model.scenario import Scenario
from stateful.model.standard import STANDARD
from stateful.model.trace import Trace
from stateful.protocol.subject import JUST_STARTS, Offer, Subject, find_subject
from stateful.run.examine import examine
from stateful.run.replay import Nondeterminism, replay
from stateful.search.jobs import Listener, jobs_of, not_offered, search
from stateful.search.result import HOLDS, UNKNOWN, VIOLATED, Result
from stateful.verification.small_enough import small_enough

DEFAULT_BUDGET_S: Final = 600.0


@dataclass
class Verification:
    """The results of one subject in some scenarios, in the order of the scenarios.

    Attributes:
        violations: the first trace of each violated invariant, minimised.
        offer: what the subject offers and what it does not.
        interrupted: whether an interrupt ended it early.
    """

    subject: Subject
    results: list[Result] = field(default_factory=list)
    violations: dict[str, Trace] = field(default_factory=dict)
    offer: Offer = JUST_STARTS
    seconds: float = 0.0
    interrupted: bool = False

    @property
    def verdict(self) -> str:
        verdicts = {result.verdict for result in self.offered}
        return VIOLATED if VIOLATED in verdicts else UNKNOWN if UNKNOWN in verdicts or not verdicts else HOLDS

    @property
    def offered(self) -> list[Result]:
        """The results in the scenarios that ask something of the subject."""
        return [result for result in self.results if not result.is_left_out]

    @property
    def states(self) -> int:
        """How many states were reached; those of a scenario include those of the one with fewer faults."""
        return sum(result.states - shorter.states for result, shorter in self._prolonging())

    @property
    def states_of_faults(self) -> int:
        """How many of the states are reached only by a fault.

        A plan for which the time did not suffice may have fewer states than the plan that it extends.
        """
        added = (after.states - before.states for after, before in self._prolonging() if after.scenario.plan)
        return sum(max(states, 0) for states in added)

    @property
    def faults(self) -> Counter[str]:
        """How many faults were tried, by family."""
        tried = Counter[str]()
        for result, shorter in self._prolonging():
            tried += Counter(result.faults) - Counter(shorter.faults)
        return tried

    def _prolonging(self) -> Iterator[tuple[Result, Result]]:
        """Each result, with that of the scenario whose plan is the longest proper prefix of its plan."""
        known = {result.scenario: result for result in self.results}
        for result in self.results:
            scenario = result.scenario
            if not result.states:
                continue
            shorter = (replace(scenario, plan=scenario.plan[:n]) for n in reversed(range(len(scenario.plan))))
            yield result, next((known[other] for other in shorter if other in known), Result(scenario))

    def raise_if_refused(self) -> None:
        """Raise what stopped the search, if nothing was found out in any scenario."""
        refusals = [result.refusal for result in self.offered if result.refusal is not None]
        if refusals and not any(result.exhaustive or result.violations for result in self.offered):
            raise refusals[0]

    @property
    def exhaustive(self) -> bool:
        return all(result.exhaustive for result in self.offered)


def verify(
    subject: Subject | str | os.PathLike[str] | None = None,
    scenarios: Sequence[Scenario] | None = None,
    *,
    budget_s: float = DEFAULT_BUDGET_S,
    workers: int = 1,
    listen: Listener = lambda number, result: None,
) -> Verification:
    """Search exhaustively, within the budget, every scenario whose lives the subject offers.

    By default the standard scenarios, and those of the others that are small for this subject.

    An interrupt (Ctrl-C) ends the search; the results so far are kept.

    Args:
        listen: is called with the number of a scenario and its result, while the result grows and when it is
            finished.

    Raises:
        SubjectError: there is no such subject, or it cannot be used.
        UnmodelledSyscall: in every scenario the subject did something that the kernel does not model.
        Nondeterminism: in every scenario the subject behaved differently when a schedule was repeated.
    """
    if not isinstance(subject, Subject):
        subject = find_subject(subject)
    started = time.perf_counter()
    offer = examine(subject)
    asked = STANDARD if scenarios is None else scenarios
    left_out = not_offered(asked, offer)
    found, interrupted = search(subject, offer, jobs_of(asked, left_out), budget_s, workers, listen)
    for number, result in left_out.items():
        listen(number, result)
    if scenarios is None and not interrupted:
        more = small_enough(list(found.values()))
        jobs = jobs_of([*asked, *more], range(len(asked)))
        left_s = budget_s - (time.perf_counter() - started)
        asked = [*asked, *more]
        added, interrupted = search(subject, offer, jobs, left_s, workers, listen)
        found |= added
    verification = conclude(subject, offer, asked, found | left_out)
    verification.interrupted |= interrupted
    verification.raise_if_refused()
    verification.seconds = time.perf_counter() - started
    return verification


def conclude(
    subject: Subject, offer: Offer, scenarios: Sequence[Scenario], found: Mapping[int, Result]
) -> Verification:
    """The verification of some scenarios, given the results so far by scenario number."""
    results = [
        found.get(number, Result(scenario, reason="not begun")) for number, scenario in enumerate(scenarios)
    ]
    verification = Verification(subject, results, offer=offer)
    _make_small(verification)
    return verification


def _make_small(found: Verification) -> None:
    """Record the first violation of each invariant, minimised; after an interrupt, as it was found."""
    subject, in_a_hurry = found.subject, False
    for invariant in (invariant.__name__ for invariant in (*INVARIANTS, *RUN_INVARIANTS)):
        for result in found.results:
            trace = result.violations.get(invariant)
            if trace is not None:
                try:
                    if not in_a_hurry and not isinstance(trace, Chronicle):
                        moves = minimise(subject, result.scenario, trace.moves, invariant)
                        smaller = replay(subject, result.scenario, moves)
                        if subject.name in to_blame(smaller) or subject.name not in to_blame(trace):
                            trace = smaller
                        explain(subject, result.scenario, trace)
                except (UnmodelledSyscall, Nondeterminism):
                    pass  # It stays as it was found.
                except KeyboardInterrupt:
                    in_a_hurry = found.interrupted = True
                found.violations[invariant] = result.violations[invariant] = trace
                break
