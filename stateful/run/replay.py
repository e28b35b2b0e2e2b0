"""Replay: executes a schedule twice and requires that both executions are the same."""

from __future__ import annotations

from collections.abc import Sequence

from stateful.kernel.locks import locked_by
from stateful.model.scenario import Scenario
from stateful.model.schedule import Move
from stateful.model.trace import Standing, Trace
from stateful.protocol.subject import Subject
from stateful.python.guard import Watchdog
from stateful.run.execution import Execution


class Nondeterminism(Exception):
    """Two executions of the same schedule differ, so a verdict would mean nothing."""


def replay(subject: Subject, scenario: Scenario, moves: Sequence[Move]) -> Trace:
    """The trace of a schedule, up to its first violation.

    Raises:
        ScheduleMismatch: a move is not possible.
        Nondeterminism: two executions differ; the message names the first step that does.
    """
    first, second = _execute(subject, scenario, moves), _execute(subject, scenario, moves)
    for number, (one, other) in enumerate(zip(first.steps, second.steps, strict=False), 1):
        if one != other:
            raise Nondeterminism(
                f"step {number} differed between two executions of one schedule: "
                f"{one.call} answered {one.answer!r}, then {other.call} answered {other.answer!r}"
            )
    return first


def _execute(subject: Subject, scenario: Scenario, moves: Sequence[Move]) -> Trace:
    with Watchdog(), Execution(subject, scenario) as execution:
        look(execution)
        for move in moves:
            execution.make(move)
            look(execution)
            if execution.violation is not None:
                break
        return execution.trace


def look(execution: Execution) -> None:
    """Record the disk, the live processes and the owners at this moment in the trace."""
    processes, kernel = execution.processes(), execution.kernel
    living = {}
    for entry in kernel.table():
        process = processes[entry.letter]
        living[entry.letter] = Standing(execution.view(process).owns, entry, locked_by(kernel, process))
    execution.trace.living.append(living)
    execution.trace.disks.append(kernel.disk())
