"""When a rule of the Hypothesis machine applies, and to which processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis.stateful import precondition

from stateful.python.interpreter import Interpreter
from stateful.run.presence import serves

Rule = Callable[..., Any]


def runs(process: Interpreter) -> bool:
    """Whether a process has something to do."""
    return process.alive and not process.stopped and not serves(process)


def is_alive(process: Interpreter) -> bool:
    """Whether a process lives."""
    return process.alive


def has_ended(process: Interpreter) -> bool:
    """Whether a process has ended."""
    return not process.alive


def is_stopped(process: Interpreter) -> bool:
    """Whether a process is stopped."""
    return process.alive and process.stopped


def when(holds: Callable[[Any], object]) -> Callable[[Rule], Rule]:
    """The rule applies while this is true of the machine."""
    return precondition(lambda machine: bool(holds(machine)))


def some(predicate: Callable[[Interpreter], bool]) -> Callable[[Rule], Rule]:
    """The rule applies while this is true of a process."""
    return when(lambda machine: any(map(predicate, machine.execution.processes().values())))


def may(family: str) -> Callable[[Rule], Rule]:
    """The rule applies if faults of a family may happen."""
    return when(lambda machine: machine.may(family))
