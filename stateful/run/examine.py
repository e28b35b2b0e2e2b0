"""Examines a subject before anything else runs it: imports it in a simulated process."""

from __future__ import annotations

import importlib
import traceback
from dataclasses import replace
from typing import Final

from greenlet import GreenletExit

from stateful.model.lifecycle import OWNER, Outcome
from stateful.model.schedule import STEP, Move
from stateful.model.standard import OPEN_ENDED, SCENARIOS
from stateful.protocol.fit import check_fit
from stateful.protocol.subject import Offer, Subject, SubjectError, bind
from stateful.python.guard import Watchdog
from stateful.python.interpreter import described
from stateful.python.refusal import is_installed, is_subjects, short_name
from stateful.run.execution import Execution
from stateful.run.running import ENVIRONMENT

LIMIT_IMPORT_STEPS: Final = 1000
LONGEST_START_STEPS: Final = 400


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
        except SystemExit as error:
            return Outcome("answered", f"it ends on import: {_describe(error)}; {_AS_A_PROGRAM}")
        except (GreenletExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            return Outcome("answered", f"it fails on import: {_describe(error)}{_advice(error)}")


_AS_A_PROGRAM: Final = 'keep what it does as a program below `if __name__ == "__main__":`'


def _describe(error: BaseException) -> str:
    """An error, and the innermost line in the subject's own files that led to it, or else in a library."""
    if isinstance(error, SyntaxError) and error.filename:
        return described(error)  # This names the line already.
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(error.__traceback__)
        if is_subjects(frame.f_code.co_filename)
    ]
    own = [place for place in frames if not is_installed(place[0])]
    line = "".join(f", line {line} of {short_name(name)}" for name, line in (own or frames)[-1:])
    return f"{described(error)}{line}"


def _advice(error: BaseException) -> str:
    """Advice on an error caused by the environment of a simulated process; empty for other errors."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if isinstance(error, KeyError) and frames[-1].f_globals.get("__name__") == "os":
        names = ", ".join(name.decode() for name in ENVIRONMENT)
        return (
            f"; the environment of a process is fixed ({names}): have the module do without, "
            f"or verify a wrapper module that calls os.environ.setdefault({error}, ...) before it imports it"
        )
    if isinstance(error, ModuleNotFoundError) and any(
        is_subjects(each.f_code.co_filename) for each in frames
    ):
        return "; install it beside the harness, or name its folder in PYTHONPATH"
    if isinstance(error, FileNotFoundError):
        return (
            "; a process sees only its home, which is empty, and the files beside the subject: "
            "have the module do without, or verify a wrapper module that stubs what reads it"
        )
    return ""


def examine(subject: Subject) -> Offer:
    """What a subject offers, including the other subject. Raises SubjectError if one cannot be used."""
    if subject.other is not None:
        return examine(replace(subject, other=None))._replace(other=examine(subject.other))
    outcome = imported(_Importer(**vars(subject)))
    if isinstance(outcome.value, Offer):
        return outcome.value
    raise SubjectError(f"{subject.name}: {outcome.value or 'it ended while being imported'}")


def imported(importer: Subject) -> Outcome:
    """The outcome of a process that only imports a subject. Raises SubjectError if it does not end."""
    with Watchdog(), Execution(importer, SCENARIOS[0]) as execution:
        for _ in range(LIMIT_IMPORT_STEPS):
            execution.make(Move(STEP, "A"))
            outcome = execution.processes()["A"].outcome
            if outcome is not None:
                return outcome
    raise SubjectError(f"{importer.name}: importing it takes more than {LIMIT_IMPORT_STEPS} calls")


def steps_of_a_start(subject: Subject) -> int:
    """How many steps a start takes, alone on an empty disk, until it owns or ends."""
    with Watchdog(), Execution(subject, OPEN_ENDED[0]) as execution:
        execution.make(Move("start", "A"))
        process = execution.processes()["A"]
        for number in range(LONGEST_START_STEPS):
            if not process.alive or process.phase == OWNER or execution.violation is not None:
                return max(1, number)
            execution.make(Move(STEP, "A"))
    return LONGEST_START_STEPS
