"""Prepares this interpreter for simulated processes, and restores it afterwards.

``begin`` and ``end`` nest. The outermost ``end`` restores what the outermost ``begin`` found: the entry
points, the import system, signal handlers, and settings of the interpreter that a subject may have changed.

Not restored: what was frozen with ``gc.freeze``, which is collected again; attributes that a subject sets on
shared modules and classes in a way that ``attributes`` does not see; what it registers with ``codecs`` or
``copyreg``, or with ``atexit`` from an extension module.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
import threading
import time
import warnings
from typing import Any, Final

from stateful.kernel.kernel import Kernel
from stateful.python import guard, interpose, interrupt, modules, switch
from stateful.python.interpreter import Interpreter

_HOOKS: Final = (
    (sys, "excepthook"),
    (sys, "displayhook"),
    (sys, "breakpointhook"),
    (sys, "warnoptions"),
    (threading, "excepthook"),
)
_LISTS: Final = (sys.path_hooks, gc.callbacks)

_depth = 0
_thread = 0
_state: tuple[Any, ...] = ()


def begin() -> None:
    """Let this thread simulate processes. Raises RuntimeError if another thread already does."""
    global _depth, _thread, _state
    if _depth and _thread != threading.get_ident():
        raise RuntimeError(
            "processes are being simulated in another thread; use one thread, or several interpreters "
            "(as pytest -n does)"
        )
    if _depth:
        _depth += 1
        return
    interrupt.hold()
    try:
        interrupt.begin()
        guard.begin()
        atexit.register(_end_at_exit)
        _thread, _state = threading.get_ident(), _look()
        # Garbage is collected when processes were unwound, and at no other time: see ``switch.unwind``. What
        # was there before is none of a subject's garbage, and looking at it again and again takes long.
        gc.disable()
        gc.freeze()
        switch.begin()
        interpose.enter()
        _set_time_zone("UTC")
        sys.warnoptions = []  # A process warns as an interpreter without options does.
        modules.install()
        _depth = 1
    finally:
        if not _depth:
            interrupt.end()
        try:
            interrupt.let_go()
        except BaseException:  # A signal that arrived meanwhile: the caller will not know to call end().
            if _depth:
                end()
            raise


def end() -> None:
    """Restore the interpreter, if this ends the outermost simulation."""
    global _depth
    if _depth > 1:
        _depth -= 1
        return
    interrupt.hold()
    try:
        atexit.unregister(_end_at_exit)
        switch.end()
        gc.unfreeze()
        modules.uninstall()
        interpose.leave()
        interpose.release_new_modules()
        guard.end()
        _set_time_zone(os.environ.get("TZ"))
        _put_back(_state)
    finally:
        _depth = 0
        interrupt.end()
        interrupt.let_go()


def close(kernel: Kernel) -> None:
    """Kill and unwind the processes of a kernel, and remove its temporary directory."""
    try:
        kernel.kill_all()
        switch.unwind(process for process in kernel.processes.values() if isinstance(process, Interpreter))
    finally:
        kernel.close()


def _end_at_exit() -> None:
    """Unwind processes that are still alive: their destructors run at exit, and would reach the host."""
    if _depth:
        with guard.Watchdog():
            switch.unwind(one for one in gc.get_objects() if type(one) is Interpreter and one.alive)
            while _depth:
                end()


def _set_time_zone(zone: str | None) -> None:
    """Have the C library compute local times in a zone; by default in that of the host."""
    if zone is None:
        os.unsetenv("TZ")
    else:
        os.putenv("TZ", zone)
    time.tzset()


def _look() -> tuple[Any, ...]:
    """The settings of the interpreter that a subject might change."""
    return (
        [getattr(owner, name) for owner, name in _HOOKS],
        [values[:] for values in _LISTS],
        warnings.filters[:],
        sys.getrecursionlimit(),
        sys.getswitchinterval(),
        gc.isenabled(),
    )


def _put_back(state: tuple[Any, ...]) -> None:
    hooks, lists, filters, recursion_limit, switch_interval, collects = state
    for (owner, name), value in zip(_HOOKS, hooks, strict=True):
        setattr(owner, name, value)
    values: Any
    for values, before in zip(_LISTS, lists, strict=True):
        if values != before:
            values[:] = before
    current: Any = warnings.filters
    if current != filters:
        current[:] = filters
        warnings._filters_mutated()  # type: ignore[attr-defined] # tells the C half
    if sys.getrecursionlimit() != recursion_limit:
        sys.setrecursionlimit(recursion_limit)
    if sys.getswitchinterval() != switch_interval:
        sys.setswitchinterval(switch_interval)
    if collects:
        gc.enable()
