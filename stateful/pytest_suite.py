"""One line in a maintainer's own test-suite that runs every scenario and the machine on their module.

from stateful import conformance

TestStatus = conformance("mypackage.gateway.status")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis.stateful import run_state_machine_as_test

from stateful.deciders.machine import InvariantViolated, SingleOwnerMachine
from stateful.deciders.result import HOLDS
from stateful.report import github
from stateful.report.text import trace_text
from stateful.report.verdict import summary
from stateful.scenario import STANDARD, Scenario
from stateful.subject import Subject, find_subject
from stateful.trace import Trace
from stateful.verify import verify

BUDGET_S: Final = 600.0

Note = Callable[[str, object], None]

# The scenarios that differ only in their kills are searched together.
GROUPS: Final = {
    f"{cast}-{disk}": [
        scenario for scenario in STANDARD if (scenario.cast.name, scenario.disk.name) == (cast, disk)
    ]
    for cast, disk in dict.fromkeys((scenario.cast.name, scenario.disk.name) for scenario in STANDARD)
}


def conformance(subject: Subject | str | None = None) -> type:
    """A test class for a subject: a text as on the command line, or None for the reference."""

    class TestSingleOwner(SingleOwnerTests):
        @pytest.fixture
        def subject(self) -> Subject:
            return subject if isinstance(subject, Subject) else find_subject(subject)

    return TestSingleOwner


class SingleOwnerTests:
    """What every single-owner protocol has to pass; ``subject`` is a fixture."""

    @pytest.fixture
    def subject(self) -> Subject:
        raise NotImplementedError

    @pytest.mark.parametrize("scenarios", GROUPS.values(), ids=GROUPS)
    def test_holds_in_every_state(
        self, subject: Subject, scenarios: list[Scenario], record_property: Note
    ) -> None:
        found = verify(subject, scenarios, budget_s=BUDGET_S)
        if not found.offered:
            pytest.skip(f"not offered: {', '.join(found.results[0].missing)}")
        for trace in found.violations.values():
            _note(record_property, trace)
        if found.verdict != HOLDS:
            github.tell(found)
            texts = [trace_text(trace) for trace in found.violations.values()]
            pytest.fail("\n".join([*texts, *summary(found)]), pytrace=False)

    def test_holds_in_long_lives(self, subject: Subject, record_property: Note) -> None:
        machine: Any = type("SingleOwner", (SingleOwnerMachine,), {"subject": subject})
        try:
            run_state_machine_as_test(machine)
        except InvariantViolated as violated:
            _note(record_property, violated.trace)
            raise


def _note(record_property: Note, trace: Trace) -> None:
    """Have a JUnit report name what is broken, and in which scenario."""
    assert trace.violation is not None
    record_property(f"violated: {trace.violation.invariant}", trace.scenario)
