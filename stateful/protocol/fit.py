"""Whether the functions of a subject can be called as the harness calls them: checked once, beforehand.

A wrong call would raise TypeError in the middle of a search, which would count as the subject's violation.

Not checked: a function that a decorator returns, since only a call can tell.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final

from stateful.protocol.subject import Offer, SubjectError

# The arguments with which the functions of a status module are called, if it has them.
STATUS_CALLS: Final[dict[str, tuple[str, ...]]] = {
    "get_running_pid": (),
    "write_pid_file": (),
    "remove_pid_file": (),
    "consume_takeover_marker_for_self": (),
    "consume_planned_stop_marker_for_self": (),
    "acquire_gateway_runtime_lock": (),
}
MARKER_CALLS: Final[dict[str, tuple[str, ...]]] = {
    "write_takeover_marker": ("pid",),
    "write_planned_stop_marker": ("pid",),
    "clear_takeover_marker": (),
    "clear_planned_stop_marker": (),
}
LOCK: Final = "acquire_gateway_runtime_lock"
UNLOCK: Final = "release_gateway_runtime_lock"
KINDS: Final[dict[str, Callable[[object], bool]]] = {
    "an async function": inspect.iscoroutinefunction,
    "a generator": inspect.isgeneratorfunction,
    "an async generator": inspect.isasyncgenfunction,
}


def check_fit(module: ModuleType, function: str | None, offer: Offer) -> None:
    """Refuse a subject with a function that cannot be called as the harness does. Raises SubjectError."""
    if offer.is_status_module:
        _check_status_module(module)
        return
    name = function or "gateway"
    gateway = getattr(module, name)
    _check(name, gateway, "home", "serve")
    if offer.can_replace:
        _check(name, gateway, "home", "serve", replace=True)
    if next(iter(_signature(gateway).parameters)) == "serve":
        raise SubjectError(f"{name}() is called with (home, serve); exchange its first two parameters")
    if hasattr(module, "running_pid"):
        _check("running_pid", module.running_pid, "home", taken_for="query")
    if offer.can_peek:
        _check("running_pid", module.running_pid, "home", clean_up=False)
    if offer.can_stop:  # A stop that is no function, such as a flag or an event, is ignored.
        _check("stop", module.stop, "home", taken_for="planned stop")


def _check_status_module(module: ModuleType) -> None:
    calls = dict(STATUS_CALLS)
    if hasattr(module, LOCK):
        if not hasattr(module, UNLOCK):
            raise SubjectError(f"it has {LOCK}(), but no {UNLOCK}() to release what that takes")
        calls[UNLOCK] = ()
    if hasattr(module, "terminate_pid"):
        calls |= MARKER_CALLS
        _check("terminate_pid", module.terminate_pid, "pid", force=True)
        if "expected_start_time" in inspect.signature(module.terminate_pid).parameters:
            calls["get_process_start_time"] = ("pid",)
    for name, taken in calls.items():
        if hasattr(module, name):
            _check(name, getattr(module, name), *taken)


def _check(name: str, function: Any, *taken: str, taken_for: str = "", **options: bool) -> None:
    """Refuse a value that is no plain function, or does not take the arguments of the harness."""
    instead = f"; it is taken for the {taken_for}, so rename it if it is none" if taken_for else ""
    if not callable(function):
        raise SubjectError(f"{name} is not a function{instead}")
    for kind, is_of_kind in KINDS.items():
        if is_of_kind(function):
            raise SubjectError(
                f"{name}() is {kind}, so that nothing of it runs when it is called; make it a plain function"
            )
    shown = ", ".join([*taken, *(f"{option}={value}" for option, value in options.items())])
    signature = _signature(function)
    try:
        signature.bind(*taken, **options)
    except TypeError as error:
        raise SubjectError(f"{name}() must take ({shown}): {error}{instead}") from None
    if taken_for and not hasattr(function, "__wrapped__"):
        first = next(iter(signature.parameters.values()))
        if first.kind is inspect.Parameter.VAR_POSITIONAL:  # as a signal handler does
            raise SubjectError(f"{name}() must take ({shown}): it takes whatever it is given{instead}")


def _signature(function: Any) -> inspect.Signature:
    """The signature of a function itself: a decorator may pass other arguments to the wrapped function."""
    return inspect.signature(function, follow_wrapped=False)
