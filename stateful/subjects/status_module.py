"""The start-up sequence of a gateway around any status module, so that the module is all one needs.

Check for a running gateway; with ``--replace`` mark it, terminate it, wait, force; take the runtime
lock where the module has one; write the record; register the exit handlers; serve. At exit the record
goes first and the lock last.
"""

from __future__ import annotations

import atexit
import inspect
import os
import time
from collections.abc import Callable
from types import ModuleType

WAIT_FOR_VICTIM_TRIES = 3
WAIT_S = 0.5


def gateway(module: ModuleType, serve: Callable[[], None], *, replace: bool = False) -> None:
    """Claim the home with a status module, serve, and leave the release to the exit handlers."""
    running = module.get_running_pid()
    if running is not None:
        if not replace:
            return
        if not _replace(module, running):
            return
    acquire = getattr(module, "acquire_gateway_runtime_lock", None)
    if acquire is not None and not acquire():
        return
    if acquire is not None:
        atexit.register(module.release_gateway_runtime_lock)
    try:
        module.write_pid_file()
    except FileExistsError:
        return
    atexit.register(module.remove_pid_file)
    serve()


def _replace(module: ModuleType, victim: int) -> bool:
    """Whether the running gateway is gone, after being asked and then forced."""
    mark = getattr(module, "write_takeover_marker", None)
    if mark is not None:
        mark(victim)
    for force in (False, True):
        module.terminate_pid(victim, force=force)
        for _ in range(WAIT_FOR_VICTIM_TRIES):
            try:
                os.kill(victim, 0)
            except ProcessLookupError:
                return True
            time.sleep(WAIT_S)
    return False


def running_pid(module: ModuleType, *, clean_up: bool) -> int | None:
    """The status query; without clean-up where asked and where the module offers that."""
    answer: int | None = module.get_running_pid() if clean_up else module.get_running_pid(cleanup_stale=False)
    return answer


def can_peek(module: ModuleType) -> bool:
    """Whether the module offers a status query without clean-up."""
    return "cleanup_stale" in inspect.signature(module.get_running_pid).parameters
