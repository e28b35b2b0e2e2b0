"""Who is there in an execution, and what could be done to whom, for deciders that draw at random."""

from __future__ import annotations

from typing import Final

from stateful.model.call import Call
from stateful.model.disk import home_files
from stateful.model.faults import OF_A_PID
from stateful.model.images import NAMELESS, NULL_OWN_PID, NULL_START
from stateful.model.lifecycle import OWNER
from stateful.model.machine import DEAD_PID
from stateful.model.schedule import Move
from stateful.model.usage import faults_of
from stateful.python.interpreter import Interpreter
from stateful.run.execution import Execution

_UNDECIDABLE: Final = {
    NULL_START: f"lookalike-{DEAD_PID}",
    NAMELESS: f"lookalike-{DEAD_PID}",
    NULL_OWN_PID: "lookalike-A",
}


def living(execution: Execution) -> list[str]:
    """The letters of the processes that live."""
    return [letter for letter, process in execution.processes().items() if process.alive]


def dead(execution: Execution) -> list[str]:
    """The letters of those that have ended."""
    return [letter for letter, process in execution.processes().items() if not process.alive]


def recyclable(execution: Execution) -> list[str]:
    """The letters of those that have ended whose pid may go to somebody else now.

    After a reboot the kernel has that somebody start at the very tick at which the process before it did.
    Where that one began in the same boot it would be the same tick of the same boot, which no machine does
    and no protocol could see.
    """
    boots, processes = execution.kernel.boots, execution.processes()
    return [letter for letter in dead(execution) if boots == 1 or processes[letter].boot < boots]


def recyclings(execution: Execution) -> list[Move]:
    """How a pid that is free may go to somebody else now.

    Not: how the one that a record without a start time names goes to another gateway. Were that the record's
    own, it would look the same.
    """
    whom = [Move("", "", str(DEAD_PID)), *(Move("", letter) for letter in recyclable(execution))]
    moves = [move._replace(kind=kind) for kind in OF_A_PID for move in whom]
    return [move for move in moves if str(move) != _UNDECIDABLE.get(execution.scenario.disk)]


def serves(process: Interpreter) -> bool:
    """Whether a process owns, and nobody has told it anything."""
    return process.alive and process.phase == OWNER and not process.signals


def owners(execution: Execution) -> list[str]:
    """The letters of those that own, and have been told nothing."""
    return [letter for letter, process in execution.processes().items() if serves(process)]


def exitable(execution: Execution) -> list[str]:
    """The letters of those that can be asked to exit."""
    return [letter for letter in living(execution) if execution.possible(Move("exit", letter))]


def running(execution: Execution) -> list[str]:
    """The letters of those that have something to do, and are not stopped."""
    processes = execution.processes()
    return [
        letter
        for letter in living(execution)
        if not serves(processes[letter]) and not processes[letter].stopped
    ]


def stopped(execution: Execution) -> list[str]:
    """The letters of those that are stopped."""
    return [letter for letter in living(execution) if execution.processes()[letter].stopped]


def recoveries(execution: Execution) -> list[str]:
    """How faults that last may end now, as a schedule says it."""
    well = ["disk-well"] if execution.kernel.is_ailing() else []
    return [*(f"sigcont-{letter}" for letter in stopped(execution)), *well]


def pending(execution: Execution, letter: str) -> Call:
    """The call that a living process is about to make."""
    call = execution.processes()[letter].pending
    assert call is not None
    return call


def fallible(execution: Execution) -> list[str]:
    """The letters of those whose next call may fail."""
    processes = execution.processes()
    return [
        letter
        for letter in running(execution)
        if not processes[letter].signals and faults_of(pending(execution, letter))
    ]


def files(execution: Execution) -> list[str]:
    """The names of what stands in the home."""
    return home_files(execution.kernel.disk())
