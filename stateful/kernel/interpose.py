"""Puts the kernel between Python and the operating system, and takes it away again.

While interposed, each entry point first asks whether a simulated process is running. If so it goes to
the kernel; if not, the real function runs, so the harness, pytest and other threads notice nothing.
What is neither modelled nor known to be harmless is refused: a call that slipped past would make every
verdict worthless.
"""

from __future__ import annotations

import atexit
import builtins
import fcntl
import functools
import io
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import BuiltinFunctionType, ModuleType
from typing import Any

from greenlet import GreenletExit, getcurrent

from stateful.kernel.file_calls import FCNTL_CALLS, FILE_CALLS
from stateful.kernel.process import Process
from stateful.kernel.process_calls import (
    ATEXIT_CALLS,
    OS_CALLS,
    SELECT_CALLS,
    SIGNAL_CALLS,
    TIME_CALLS,
    wait,
)
from stateful.kernel.streams import open_stream

# Functions that read nothing but their arguments, or facts of the host that never change.
HARMLESS = frozenset(
    "WCOREDUMP WEXITSTATUS WIFCONTINUED WIFEXITED WIFSIGNALED WIFSTOPPED WSTOPSIG WTERMSIG "
    "confstr cpu_count process_cpu_count device_encoding fpathconf fspath get_terminal_size "
    "getloadavg major makedev minor pathconf strerror sysconf times _path_splitroot "
    "_path_splitroot_ex _path_normpath _path_isabs _inputhook _supports_virtual_terminal "
    "register_at_fork _create_environ "
    "default_int_handler strsignal valid_signals asctime clock_getres get_clock_info mktime "
    "strptime tzset".split()
)

# Python 3.13 renamed the one that threading uses.
THREAD_STARTERS = frozenset(
    {"start_new_thread", "start_joinable_thread", "_start_new_thread", "_start_joinable_thread"}
)

_real: dict[Callable[..., Any], str] = {}
_replaced: list[tuple[Any, str, Any, Any]] = []
_depth = 0
_burying = False


def _entry(original: Callable[..., Any], simulated: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def entry(*args: Any, **kwargs: Any) -> Any:
        process = getcurrent()
        if type(process) is Process:
            return simulated(process, *args, **kwargs)
        if _burying:  # a __del__ of a simulated process, collected outside of it
            raise GreenletExit
        return original(*args, **kwargs)

    return entry


def _refusal(module: str, name: str) -> Callable[..., Any]:
    def refuse(process: Process, *args: Any, **kwargs: Any) -> None:
        process.refuse(f"called {module}.{name}(), which is not modelled{caller()}")

    return refuse


def caller() -> str:
    """Where the subject made the call that is being refused, as `` (status.py, line 12)``."""
    frame = sys._getframe(1)
    library = (os.path.dirname(os.__file__), os.path.dirname(os.path.dirname(__file__)), "<")
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(library) or f"{os.sep}subjects{os.sep}" in name:
            return f" ({os.path.basename(name)}, line {frame.f_lineno})"
        frame = frame.f_back  # type: ignore[assignment] # None ends the loop
    return ""


def _waiter(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def entry(self: Any, timeout: float | None = None) -> Any:
        process = getcurrent()
        if type(process) is not Process:
            return original(self, timeout)
        flag = getattr(self, "is_set", None)
        if flag is None or not flag():
            wait(process, timeout)
        return flag() if flag is not None else False

    return entry


def _plan() -> list[tuple[Any, str, Any, Any]]:
    """Every (owner, name, original, replacement)."""
    plan: list[tuple[Any, str, Any, Any]] = []
    tables: tuple[tuple[ModuleType, dict[str, Callable[..., Any]]], ...] = (
        (os, {**FILE_CALLS, **OS_CALLS}),
        (fcntl, FCNTL_CALLS),
        (signal, SIGNAL_CALLS),
        (time, TIME_CALLS),
        (atexit, ATEXIT_CALLS),
        (select, SELECT_CALLS),
    )
    for module, modelled in tables:
        for name, original in list(vars(module).items()):
            simulated = modelled.get(name)
            if simulated is None:
                if not isinstance(original, BuiltinFunctionType) or name in HARMLESS:
                    continue
                simulated = _refusal(module.__name__, name)
            plan.append((module, name, original, _entry(original, simulated)))
            _real[original] = f"{module.__name__}.{name}"
    for module in (builtins, io):
        plan.append((module, "open", io.open, _entry(io.open, open_stream)))
    thread = _refusal("threading.Thread", "start")
    for owner in (threading, sys.modules["_thread"]):
        for name in THREAD_STARTERS & vars(owner).keys():
            plan.append((owner, name, vars(owner)[name], _entry(vars(owner)[name], thread)))
    for owner in (threading.Event, threading.Condition):
        plan.append((owner, "wait", owner.wait, _waiter(owner.wait)))
    _real[io.open] = "open"
    return plan


def enter() -> None:
    """Interpose, unless some execution already has."""
    global _depth
    if _depth == 0:
        if not _replaced:
            _replaced.extend(_plan())
        for owner, name, _, replacement in _replaced:
            setattr(owner, name, replacement)
    _depth += 1


def leave() -> None:
    """Put the real entry points back when the last execution leaves."""
    global _depth
    _depth -= 1
    if _depth == 0:
        for owner, name, original, _ in _replaced:
            setattr(owner, name, original)


def held_original(function: object) -> str | None:
    """The name of an entry point, if this is the real one behind an interposed name."""
    try:
        return _real.get(function)  # type: ignore[call-overload,no-any-return] # any object may be asked for
    except TypeError:
        return None


def replacement_of(module: ModuleType) -> ModuleType:
    """A copy of ``posix`` whose entry points are the interposed ones of ``os``."""
    copy = ModuleType(module.__name__)
    vars(copy).update(vars(module))
    for owner, name, original, replacement in _replaced:
        if owner is os and vars(copy).get(name) is original:
            setattr(copy, name, replacement)
    return copy


def set_burying(value: bool) -> None:
    """Whether code of ended processes may be running outside of any process, in destructors."""
    global _burying
    _burying = value
