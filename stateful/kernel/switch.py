"""Entering and leaving a process: what a context switch has to exchange besides the stack."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Iterable
from typing import Any

from stateful.kernel import guard, interpose, modules
from stateful.kernel.process import Process


class _Nowhere(io.TextIOBase):
    """The standard output and error of simulated processes."""

    encoding = "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return len(text)


_nowhere = _Nowhere()


def resume(process: Process, *answer: Any) -> Any:
    """Let a process run until it stops before its next request; returns the request.

    Meanwhile it has its own modules, environment and arguments, and what it prints goes nowhere. No
    garbage is collected, so that no destructor or callback of the harness runs inside the process.
    """
    collects = gc.isenabled()
    gc.disable()
    modules.enter(process)
    environ: Any = os.environ
    saved = sys.stdout, sys.stderr, sys.argv, environ._data
    sys.stdout = sys.stderr = _nowhere
    sys.argv, environ._data = process.argv, process.environ
    guard.watch_thread(True)
    try:
        return process.switch(*answer)
    finally:
        guard.watch_thread(False)
        sys.stdout, sys.stderr, sys.argv, environ._data = saved
        modules.leave()
        if collects:
            gc.enable()


def bury(processes: Iterable[Process]) -> None:
    """Unwind processes for good. Their ``finally`` clauses and destructors run, and reach nothing."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    interpose.set_burying(True)
    try:
        for process in processes:
            _unwind(process)
        gc.collect(0)
    finally:
        interpose.set_burying(False)
        sys.unraisablehook = hook


def _unwind(process: Process) -> None:
    saved = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = _nowhere
    try:
        process.bury()
    finally:
        sys.stdout, sys.stderr = saved
