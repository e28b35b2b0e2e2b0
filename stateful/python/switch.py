"""Entering and leaving a process: what a context switch exchanges beside the stack."""

from __future__ import annotations

import builtins
import gc
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, Final

from stateful.model.lifecycle import Outcome
from stateful.python import attributes, guard, interrupt, loading, modules
from stateful.python.interpreter import Interpreter
from stateful.python.machine_facts import EXECUTABLE, THREAD, identities
from stateful.python.streams import standard_streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# A full collection is due once this many processes were unwound since the last one, and a quarter of all.
FEWEST_UNWOUND: Final = 256


_environ: Any = os.environ  # whose inner dictionary is exchanged
_environb: Any = os.environb
_builtins: Any = builtins
_sys: Any = sys  # some of whose names count as constant
_main_thread: Any = threading.main_thread()
_threads: dict[int, Any] = threading._active  # type: ignore[attr-defined] # by the number of the thread
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
        outside = attributes.enter(process.attributes)
        modules.enter(process)
        own = process.belongings or _first_belongings(process)
        before = _belongings()
        _put(own)
        is_inside = THREAD in _threads
        _threads[THREAD] = _main_thread
        try:
            return function(*args)
        finally:
            process.belongings = _belongings()
            _put(before)
            if not is_inside:  # else the collector goes on
                del _threads[THREAD]
            modules.leave()
            attributes.leave(process.attributes, outside)
    finally:
        interrupt.switching -= 1
        interrupt.handle_deferred()


def _belongings() -> tuple[Any, ...]:
    """What the interpreter of this moment has, and each process for itself."""
    return (
        _builtins.id,
        sys.stdin,
        sys.stdout,
        sys.stderr,
        sys.__stdin__,
        sys.__stdout__,
        sys.__stderr__,
        sys.argv,
        sys.path,
        sys.meta_path,
        sys.unraisablehook,
        sys.executable,
        _environ._data,
        _environb._data,
        _main_thread._ident,
        _main_thread._native_id,
    )


def _put(belongings: tuple[Any, ...]) -> None:
    (
        _builtins.id,
        sys.stdin,
        sys.stdout,
        sys.stderr,
        _sys.__stdin__,
        _sys.__stdout__,
        _sys.__stderr__,
        sys.argv,
        sys.path,
        sys.meta_path,
        sys.unraisablehook,
        sys.executable,
        _environ._data,
        _environb._data,
        _main_thread._ident,
        _main_thread._native_id,
    ) = belongings


def _first_belongings(process: Interpreter) -> tuple[Any, ...]:
    folder = [process.folder] if process.folder else []
    paths = [*folder, *process.libraries, *sys.path]
    streams = standard_streams(process)
    return (
        identities(),
        *streams,
        *streams,
        process.argv[:],
        paths,
        loading.finders(),
        _discard,
        EXECUTABLE,
        process.environ,
        process.environ,
        THREAD,
        process.pid,
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
