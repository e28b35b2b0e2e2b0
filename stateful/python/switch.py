"""Entering and leaving a process: what a context switch exchanges beside the stack."""

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

# A full collection is due once this many processes were unwound since the last one, and a quarter of all.
FEWEST_UNWOUND: Final = 256


_environ: Any = os.environ  # whose inner dictionary is exchanged
_environb: Any = os.environb
_collect = gc.collect  # the real one, since the call is made inside a process, where gc is interposed
_rounds = _unwound = _unwound_since = 0


def resume(process: Interpreter, *answer: Any) -> Any:
    """Let a process run until it stops before its next request; return the request.

    While it runs it has its own modules, environment, arguments and search paths; its output is discarded.
    No garbage is collected meanwhile, so that no destructor or callback of the harness runs inside it.
    """
    return _run_as(process, guard.switch_to, process, answer)


def _run_as(process: Interpreter, function: Callable[..., Any], *args: Any) -> Any:
    interrupt.switching += 1
    try:
        modules.enter(process)
        own = process.belongings or _first_belongings(process)
        before = _belongings()
        _put(own)
        try:
            return function(*args)
        finally:
            process.belongings = _belongings()
            _put(before)
            modules.leave()
    finally:
        interrupt.switching -= 1
        interrupt.handle_deferred()


def _belongings() -> tuple[Any, ...]:
    """What the interpreter of this moment has, and each process for itself."""
    return (
        sys.stdin,
        sys.stdout,
        sys.stderr,
        sys.argv,
        sys.path,
        sys.meta_path,
        sys.unraisablehook,
        _environ._data,
        _environb._data,
    )


def _put(belongings: tuple[Any, ...]) -> None:
    (
        sys.stdin,
        sys.stdout,
        sys.stderr,
        sys.argv,
        sys.path,
        sys.meta_path,
        sys.unraisablehook,
        _environ._data,
        _environb._data,
    ) = belongings


def _first_belongings(process: Interpreter) -> tuple[Any, ...]:
    folder = [process.folder] if process.folder else []
    paths = [*folder, *process.libraries, *sys.path]
    return (
        *standard_streams(process),
        process.argv[:],
        paths,
        loading.finders(),
        _discard,
        process.environ,
        process.environ,
    )


def _discard(unraisable: Any) -> None:
    """The ``sys.unraisablehook`` of a process: Python would print the exception, and output is discarded."""


def unwind(processes: Iterable[Interpreter]) -> None:
    """Unwind processes for good: their ``finally`` clauses and destructors run, with every call refused.

    Garbage that they left in reference cycles is collected here too, by the *collector*: a process whose
    calls are all refused, so that destructors reach nothing. A destructor that does not end stays parked.
    """
    global _rounds, _unwound, _unwound_since
    processes = list(processes)
    if not processes:
        return
    _rounds += 1
    _unwound += len(processes)
    _unwound_since += len(processes)
    everything = _unwound_since >= max(FEWEST_UNWOUND, _unwound // 4)
    if everything:
        _unwound_since = 0
    _run_collector(processes, 2 if everything else 1)


def begin() -> None:
    """Start counting what was unwound."""
    global _rounds, _unwound, _unwound_since
    _rounds = _unwound = _unwound_since = 0


def end() -> None:
    """Collect in full: an earlier collection may have moved garbage to an older generation."""
    if _rounds > 1:
        _run_collector([], 2)


def _run_collector(processes: list[Interpreter], generation: int) -> None:
    collector = Interpreter("A", "status", lambda: _unwind_and_collect(processes, generation))
    collector.unwound = True
    interrupt.hold()
    try:
        resume(collector)
    finally:
        interrupt.let_go()


def _unwind_and_collect(processes: list[Interpreter], generation: int) -> Outcome:
    for process in processes:
        _run_as(process, process.unwind)
        process.clear()
    _collect(generation)
    return Outcome("released")
