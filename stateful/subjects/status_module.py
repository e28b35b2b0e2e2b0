"""Adapts a status module to a subject: performs a gateway's start-up, replace and stop around it.

Start-up: check for a running gateway; with ``--replace`` mark it, terminate it, wait, kill it; take the
runtime lock if the module has one; write the record; register the exit handlers; serve. At exit the record is
removed first and the lock released last. SIGTERM ends the work, as gateways handle it; if the module can tell
whether that was planned, the exit status is 0 if it was, else 1.
"""

from __future__ import annotations

import atexit
import inspect
import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType, ModuleType

WAIT_S = 0.5
CONSUMERS = ("consume_takeover_marker_for_self", "consume_planned_stop_marker_for_self")


def gateway(module: ModuleType, serve: Callable[[], None], *, replace: bool = False) -> None:
    """Claim the home with a status module and serve; exit handlers release it."""
    running = module.get_running_pid()
    if running is None or (replace and _end(module, running, "takeover")):
        claim(module, serve)


def claim(module: ModuleType, serve: Callable[[], None]) -> None:
    """Claim the home and serve; the caller has checked that no gateway runs."""
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
    _serve(module, serve)


def _serve(module: ModuleType, serve: Callable[[], None]) -> None:
    """Serve; after SIGTERM exit 0 if the module says it was planned, else 1; without markers, return."""
    consumers = [getattr(module, name) for name in CONSUMERS if hasattr(module, name)]
    terminated: list[int] = []

    def terminate(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # A second SIGTERM changes nothing.
        terminated.append(number)

    signal.signal(signal.SIGTERM, terminate)
    serve()
    if terminated and consumers:
        sys.exit(0 if any(consume() for consume in consumers) else 1)


def stop(module: ModuleType) -> bool:
    """Stop the running gateway as planned; return whether there was one and it has ended."""
    running = module.get_running_pid()
    return running is not None and _end(module, running, "planned_stop")


def _end(module: ModuleType, victim: int, plan: str) -> bool:
    """Mark the running gateway, terminate it, then kill it; return whether it has ended."""
    since: dict[str, int | None] = {}
    tell_time = getattr(module, "get_process_start_time", None)
    if tell_time is not None and "expected_start_time" in inspect.signature(module.terminate_pid).parameters:
        since["expected_start_time"] = tell_time(victim)  # before it is marked, since it may end any moment
        if module.get_running_pid() != victim:
            return True  # It has ended, and the start time may be that of a new process with its pid.
    mark = getattr(module, f"write_{plan}_marker", None)
    if mark is not None:
        mark(victim)
    try:
        for force in (False, True):
            module.terminate_pid(victim, force=force, **since)
            # One check after each signal is enough, since the search tries every interleaving anyway.
            time.sleep(WAIT_S)
            os.kill(victim, 0)
            if since and tell_time is not None and tell_time(victim) != since["expected_start_time"]:
                return True  # kill() also succeeds for a zombie, which its parent may never reap.
    except ProcessLookupError:
        return True
    except OSError:
        pass  # It may not be signalled, or not by this user.
    clear = getattr(module, f"clear_{plan}_marker", None)
    if clear is not None:
        clear()
    return False


def running_pid(module: ModuleType, *, clean_up: bool) -> int | None:
    """The query for the owner's pid; without clean-up if asked, which the module has to offer."""
    answer: int | None = module.get_running_pid() if clean_up else module.get_running_pid(cleanup_stale=False)
    return answer


def can_peek(module: ModuleType) -> bool:
    """Whether the module offers a query without clean-up."""
    return "cleanup_stale" in inspect.signature(module.get_running_pid).parameters


def tells_plans(module: ModuleType) -> bool:
    """Whether the module can tell whether the end of the gateway was planned."""
    return any(hasattr(module, name) for name in CONSUMERS)


def can_stop(module: ModuleType) -> bool:
    """Whether the module has the functions that a planned stop needs."""
    return all(hasattr(module, name) for name in ("write_planned_stop_marker", "terminate_pid"))
