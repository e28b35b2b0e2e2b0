"""The start-up sequence of a gateway around any status module, so that the module is all one needs.

Check for a running gateway; with ``--replace`` mark it, terminate it, wait, force; take the runtime
lock where the module has one; write the record; register the exit handlers; serve. At exit the record
goes first and the lock last. A gateway that SIGTERM ends asks the module whether that was planned, where
the module can tell, and exits 0 if so and 1 if not.
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
    """Claim the home with a status module, serve, and leave the release to the exit handlers."""
    running = module.get_running_pid()
    if running is None or (replace and _end(module, running, "takeover")):
        claim(module, serve)


def claim(module: ModuleType, serve: Callable[[], None]) -> None:
    """Claim the home where no gateway runs, and serve."""
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
    """Serve; where SIGTERM ends it and the module knows about plans, exit as a supervisor is to see it."""
    consumers = [getattr(module, name) for name in CONSUMERS if hasattr(module, name)]
    terminated: list[int] = []

    def terminate(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_IGN)  # Being told again changes nothing.
        terminated.append(number)

    if consumers:
        signal.signal(signal.SIGTERM, terminate)
    serve()
    if terminated:
        sys.exit(0 if any(consume() for consume in consumers) else 1)


def stop(module: ModuleType) -> bool:
    """Whether there was a gateway to stop as planned, and it has gone."""
    running = module.get_running_pid()
    return running is not None and _end(module, running, "planned_stop")


def _end(module: ModuleType, victim: int, plan: str) -> bool:
    """Whether the running gateway is gone, after being marked, asked and then forced."""
    since: dict[str, int | None] = {}
    tell_time = getattr(module, "get_process_start_time", None)
    if tell_time is not None and "expected_start_time" in inspect.signature(module.terminate_pid).parameters:
        since["expected_start_time"] = tell_time(victim)  # before it is marked: it may go at any moment
        if module.get_running_pid() != victim:
            return True  # It went between the two, and that may be the start time of who has its pid now.
    mark = getattr(module, f"write_{plan}_marker", None)
    if mark is not None:
        mark(victim)
    try:
        for force in (False, True):
            module.terminate_pid(victim, force=force, **since)
            # One look after each signal tells as much as many: the search tries every order anyway.
            time.sleep(WAIT_S)
            os.kill(victim, 0)
            if since and tell_time is not None and tell_time(victim) != since["expected_start_time"]:
                return True  # A zombie answers, too, and its parent may never reap it.
    except ProcessLookupError:
        return True
    except OSError:
        pass  # It may not be signalled, or not by us.
    clear = getattr(module, f"clear_{plan}_marker", None)
    if clear is not None:
        clear()
    return False


def running_pid(module: ModuleType, *, clean_up: bool) -> int | None:
    """The status query; without clean-up where asked and where the module offers that."""
    answer: int | None = module.get_running_pid() if clean_up else module.get_running_pid(cleanup_stale=False)
    return answer


def can_peek(module: ModuleType) -> bool:
    """Whether the module offers a status query without clean-up."""
    return "cleanup_stale" in inspect.signature(module.get_running_pid).parameters


def can_stop(module: ModuleType) -> bool:
    """Whether the module offers what a planned stop takes."""
    return all(hasattr(module, name) for name in ("write_planned_stop_marker", "terminate_pid"))
