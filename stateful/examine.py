"""Looks at a subject before anything else is done with it, in a simulated process as always."""

from __future__ import annotations

import importlib
import traceback
from dataclasses import replace

from stateful.execution import Execution
from stateful.fit import check_fit
from stateful.kernel.guard import Watchdog
from stateful.kernel.process import OWNER, Outcome
from stateful.schedule import STEP, Move
from stateful.standard import OPEN_ENDED, SCENARIOS
from stateful.subject import Offer, Subject, SubjectError, bind

LIMIT_IMPORT_STEPS = 1000
LONGEST_START_STEPS = 400


class _Importer(Subject):
    """A subject that is only imported."""

    def run(self, life: str) -> Outcome:
        try:
            module = importlib.import_module(self.module)
            offer = bind(module, self.function).offer
            check_fit(module, self.function, offer)
            return Outcome("answered", offer)
        except SubjectError as error:
            return Outcome("answered", str(error))
        except Exception as error:
            return Outcome("answered", _describe(error))


def _describe(error: Exception) -> str:
    where = [
        frame for frame in traceback.extract_tb(error.__traceback__) if "importlib" not in frame.filename
    ]
    line = f", line {where[-1].lineno} of {where[-1].filename.rsplit('/', 1)[-1]}" if len(where) > 1 else ""
    return f"it fails on import: {type(error).__name__}: {error}{line}"


def examine(subject: Subject) -> Offer:
    """What a subject offers, and the other one. Raises SubjectError where one is none that can be used."""
    if subject.other is not None:
        return examine(replace(subject, other=None))._replace(other=examine(subject.other))
    outcome = imported(_Importer(**vars(subject)))
    if isinstance(outcome.value, Offer):
        return outcome.value
    raise SubjectError(f"{subject.name}: {outcome.value or 'it ended while being imported'}")


def imported(importer: Subject) -> Outcome:
    """How a process ends that does no more than import a subject. Raises SubjectError where it does not."""
    with Watchdog(), Execution(importer, SCENARIOS[0]) as execution:
        for _ in range(LIMIT_IMPORT_STEPS):
            execution.make(Move(STEP, "A"))
            outcome = execution.processes()["A"].outcome
            if outcome is not None:
                return outcome
    raise SubjectError(f"{importer.name}: importing it takes more than {LIMIT_IMPORT_STEPS} calls")


def steps_of_a_start(subject: Subject) -> int:
    """How many steps a start takes alone on an empty disk until it owns, or ends."""
    with Watchdog(), Execution(subject, OPEN_ENDED[0]) as execution:
        execution.make(Move("start", "A"))
        process = execution.processes()["A"]
        for number in range(LONGEST_START_STEPS):
            if not process.alive or process.phase == OWNER or execution.violation is not None:
                return max(1, number)
            execution.make(Move(STEP, "A"))
    return LONGEST_START_STEPS
