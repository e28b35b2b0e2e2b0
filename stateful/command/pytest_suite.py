"""A test class for a maintainer's own test suite: one line runs every scenario and the Hypothesis machine.

from stateful import conformance

TestStatus = conformance("mypackage.gateway.status")
"""

from __future__ import annotations

import os
from random import Random
from typing import Final

import pytest
from hypothesis import settings

from stateful.explain.minimise import smallest
from stateful.explain.needs import explain
from stateful.model.call import UnmodelledSyscall
from stateful.model.scenario import Scenario
from stateful.model.standard import STANDARD
from stateful.protocol.subject import Subject, SubjectError, find_subject
from stateful.report import github
from stateful.report.text import failure_text, trace_text
from stateful.report.verdict import summary
from stateful.run.examine import examine
from stateful.sample.invariant_violated import write_counterexamples_with
from stateful.sample.single_owner_machine import SingleOwnerMachine
from stateful.sample.walk import random_walks
from stateful.search.result import HOLDS, UNKNOWN
from stateful.verification.verification import Verification, verify

BUDGET_S: Final = 600.0
WALKS: Final = 60  # a few seconds
SEED: Final = "STATEFUL_SEED"  # in the environment: draws the same walks again

# The scenarios that differ only in their kills are searched together.
GROUPS: Final = {
    f"{cast}-{disk}": [
        scenario for scenario in STANDARD if (scenario.cast.name, scenario.disk.name) == (cast, disk)
    ]
    for cast, disk in dict.fromkeys((scenario.cast.name, scenario.disk.name) for scenario in STANDARD)
}


def conformance(subject: Subject | str | os.PathLike[str] | None = None) -> type:
    """A test class for a subject: a name as on the command line, a path, or None for the reference.

    Its ``TestLongLives`` is the Hypothesis machine's own test case, and ``test_walks`` makes random walks.

    A subject that cannot be used is refused here, so that pytest reports it once and not with each test.

    Raises:
        SubjectError: there is no such subject, or it cannot be used.
        UnmodelledSyscall: on import it does something that the kernel does not model.
    """
    __tracebackhide__ = True
    try:
        named = subject if isinstance(subject, Subject) else find_subject(subject)
        examine(named)
    except (SubjectError, UnmodelledSyscall) as error:
        raise error.with_traceback(None) from None  # Only the line that calls this function is of interest.

    write_counterexamples_with(failure_text)

    class SingleOwner(SingleOwnerMachine):
        subject = named

    class TestSingleOwner(SingleOwnerTests):
        TestLongLives = SingleOwner.TestCase

        @pytest.fixture
        def subject(self) -> Subject:
            return named

    return TestSingleOwner


class SingleOwnerTests:
    """The tests that every single-owner protocol has to pass; ``subject`` is a fixture."""

    @pytest.fixture
    def subject(self) -> Subject:
        raise NotImplementedError

    def test_walks(self, subject: Subject) -> None:
        """Some walks as ``fuzz`` makes them: random starts, kills and faults, steps drawn by a scheduler."""
        seed = int(os.environ.get(SEED) or (0 if settings().derandomize else Random().randrange(10**6)))
        for number, (scenario, trace) in enumerate(random_walks(subject, seed, WALKS)):
            if trace.violation is not None:
                scenario, trace = smallest(subject, scenario, trace)
                text = trace_text(explain(subject, scenario, trace))
                repeat = f"Found by walk {number} of seed {seed}; {SEED}={seed} repeats it."
                pytest.fail(f"{text}\n{repeat}", pytrace=False)

    @pytest.mark.parametrize("scenarios", GROUPS.values(), ids=GROUPS)
    def test_holds_in_every_state(self, subject: Subject, scenarios: list[Scenario]) -> None:
        found = verify(subject, scenarios, budget_s=BUDGET_S)
        if not found.offered:
            first = found.results[0]
            pytest.skip(f"{first.verdict}: {', '.join(first.missing) or first.needs}")
        if found.verdict != HOLDS:
            github.tell(found)
            texts = [trace_text(trace) for trace in found.violations.values()]
            pytest.fail("\n".join([_headline(found), "", *texts, *summary(found)]), pytrace=False)


def _headline(found: Verification) -> str:
    """What is wrong, and in which scenario; many reports show only this first line of a failure."""
    violated = (f"{invariant} in {trace.scenario}" for invariant, trace in found.violations.items())
    unknown = (result.scenario.name for result in found.results if result.verdict == UNKNOWN)
    return f"{found.verdict}: {', '.join([*violated] or [*unknown])}"
