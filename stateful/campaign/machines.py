"""The Hypothesis machine as a member of a campaign: it has its own seed and stops when its time is over.

``stateful.explain.minimise`` minimises its findings, so Hypothesis's shrinking is off.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test

from stateful.campaign.coverage import Coverage
from stateful.campaign.messages import Slice
from stateful.model.scenario import Scenario
from stateful.model.schedule import Move
from stateful.model.trace import Trace
from stateful.protocol.subject import Subject
from stateful.run.replay import Nondeterminism
from stateful.sample.database import shared
from stateful.sample.invariant_violated import InvariantViolated
from stateful.sample.single_owner_machine import SingleOwnerMachine

EXAMPLES: Final = 200  # per seed
STEPS: Final = 30  # rules of a machine; each is a turn or an event


class _TimeIsOver(KeyboardInterrupt):
    """The slice's time is over; a KeyboardInterrupt, because Hypothesis does not catch those."""


class _Context(NamedTuple):
    """What the machines of a slice report to, and until when they run."""

    coverage: Coverage
    note: Callable[[Scenario, Trace], None]
    until: float


class _Machine(SingleOwnerMachine):
    """The machine of a campaign; one class for all slices, since Hypothesis keeps each class it has seen."""

    context: ClassVar[_Context | None] = None

    def __init__(self) -> None:
        if time.monotonic() > self._context().until:
            raise _TimeIsOver
        super().__init__()

    def _context(self) -> _Context:
        assert self.context is not None
        return self.context

    def lay_out(self, scenario: Scenario) -> None:
        self._context().coverage.begin()
        super().lay_out(scenario)

    def make(self, move: Move) -> bool:
        made = super().make(move)
        if made:
            self._context().coverage.observe(self.execution, self.execution.trace.steps[-1])
        return made

    def teardown(self) -> None:
        super().teardown()
        if hasattr(self, "execution"):
            self._context().note(self.execution.scenario, self.execution.trace)


def run_machines(
    subject: Subject,
    given: Slice,
    database: Path,
    coverage: Coverage,
    note: Callable[[Scenario, Trace], None],
    until: float,
) -> None:
    """Run machines until a moment of the monotonic clock; ``note`` is called after each execution."""
    machine: Any = _Machine
    machine.subject = subject
    machine.context = _Context(coverage, note, until)
    how = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        database=shared(DirectoryBasedExampleDatabase(database)),
        derandomize=False,
        deadline=None,
        phases=[Phase.reuse, Phase.generate],
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    try:
        for number in count():
            try:
                run_state_machine_as_test(seed(f"{given.seed}-{number}")(machine), settings=how)
            except InvariantViolated:
                # The violation is recorded. Examples from the database would only break it again.
                how = settings(how, phases=[Phase.generate])
    except _TimeIsOver:
        pass
    except Flaky as error:  # which Hypothesis also raises for an interrupt while it repeats a failure
        if time.monotonic() <= until:
            raise Nondeterminism(f"a machine behaved differently when it was repeated: {error}") from None
    finally:
        machine.context = None
