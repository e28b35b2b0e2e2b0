"""Entering and leaving a process: what a context switch has to exchange besides the stack."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from stateful.model.lifecycle import Outcome
from stateful.python import guard, interrupt, loading, modules
from stateful.python.interpreter import Interpreter
from stateful.python.streams import standard_streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# A full collection is due when as many processes were buried as this, and a quarter of all so far.
FEWEST_BURIED: Final = 256


_collect = gc.collect  # the real one: the undertaker is a process
_burials = _buried = _buried_since = 0


def resume(process: Interpreter, *answer: Any) -> Any:
    """Let a process run until it stops before its next request; returns the request.

    Meanwhile it has its own modules, environment, arguments and search paths, and what it prints goes
    nowhere. No garbage is collected, so that no destructor or callback of the harness runs inside the
    process.
    """
    return _run_as(process, guard.switch_to, process, answer)


def _run_as(process: Interpreter, function: Callable[..., Any], *args: Any) -> Any:
    modules.enter(process)
    environ: Any = os.environ
    environb: Any = os.environb
    own = process.belongings
    if own is None:
        own = _first_belongings(process)
    before = (
        sys.stdin,
        sys.stdout,
        sys.stderr,
        sys.argv,
        sys.path,
        sys.meta_path,
        sys.unraisablehook,
        environ._data,
        environb._data,
    )
    (
        sys.stdin,
        sys.stdout,
        sys.stderr,
        sys.argv,
        sys.path,
        sys.meta_path,
        sys.unraisablehook,
        environ._data,
        environb._data,
    ) = own
    try:
        return function(*args)
    finally:
        process.belongings = (
            sys.stdin,
            sys.stdout,
            sys.stderr,
            sys.argv,
            sys.path,
            sys.meta_path,
            sys.unraisablehook,
            environ._data,
            environb._data,
        )
        (
            sys.stdin,
            sys.stdout,
            sys.stderr,
            sys.argv,
            sys.path,
            sys.meta_path,
            sys.unraisablehook,
            environ._data,
            environb._data,
        ) = before
        modules.leave()


def _first_belongings(process: Interpreter) -> tuple[Any, ...]:
    folder = [process.folder] if process.folder else []
    paths = [*folder, *process.libraries, *sys.path]
    return (
        *standard_streams(process),
        process.argv[:],
        paths,
        loading.finders(),
        _say_nothing,
        process.environ,
        process.environ,
    )


def _say_nothing(unraisable: Any) -> None:
    """What a process does about an exception in a destructor: it prints it, which goes nowhere."""


def bury(processes: Iterable[Interpreter]) -> None:
    """Unwind processes for good. Their ``finally`` clauses and destructors run, and reach nothing.

    That goes for what they left in cycles, too: it is collected here, by an undertaker, which is a
    process whose every call is refused. A destructor that will not end is left where it is.
    """
    global _burials, _buried, _buried_since
    processes = list(processes)
    if not processes:
        return
    _burials += 1
    _buried += len(processes)
    _buried_since += len(processes)
    everything = _buried_since >= max(FEWEST_BURIED, _buried // 4)
    if everything:
        _buried_since = 0
    _undertake(processes, 2 if everything else 1)


def begin() -> None:
    """Count burials from here."""
    global _burials, _buried, _buried_since
    _burials = _buried = _buried_since = 0


def end() -> None:
    """Collect what an early burial may have taken for long-lived."""
    if _burials > 1:
        _undertake([], 2)


def _undertake(processes: list[Interpreter], generation: int) -> None:
    undertaker = Interpreter("A", "status", lambda: _unwind(processes, generation))
    undertaker.buried = True
    interrupt.hold()
    try:
        resume(undertaker)
    finally:
        interrupt.let_go()


def _unwind(processes: list[Interpreter], generation: int) -> Outcome:
    for process in processes:
        _run_as(process, process.bury)
        process.forget()
    _collect(generation)
    return Outcome("released")
