"""The exception of a Hypothesis test that found a violation, and its text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from stateful.explain.minimise import smallest
from stateful.explain.needs import explain
from stateful.model.scenario import Scenario
from stateful.model.trace import Trace
from stateful.protocol.subject import Subject


def _schedule_text(trace: Trace) -> str:
    return f"{trace.violation}: {trace.schedule}"


_write: Callable[[Trace], str] = _schedule_text
_texts: Final[dict[Any, str]] = {}


def write_counterexamples_with(write: Callable[[Trace], str]) -> None:
    """Set the function that writes the text of an InvariantViolated; this package imports no reports."""
    global _write
    _write = write
    _texts.clear()


class InvariantViolated(AssertionError):
    """An invariant is broken; the text is the smallest counterexample.

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

    def __str__(self) -> str:
        # Hypothesis and pytest ask for it again and again, also of equal failures, and it takes seconds.
        key = self.subject, self.scenario, self.trace.schedule, self.invariant
        if key not in _texts:
            _texts[key] = "\n" + _write(self.smallest())
        return _texts[key]


# One class for each invariant, because Hypothesis tells failures apart by their class.
_violated: dict[str, type[InvariantViolated]] = {}


def violation_of(invariant: str) -> type[InvariantViolated]:
    return _violated.setdefault(invariant, type(f"InvariantViolated_{invariant}", (InvariantViolated,), {}))
