"""The reference: ``run_gateway`` and ``stop_gateway``, which start, replace, stop, drain and release."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway_status import status
from gateway_status.gateway import run_gateway, stop_gateway

documented_errors = status.documented_errors


def gateway(home: Path, serve: Callable[[], None], *, replace: bool = False) -> None:
    """Be the gateway; the exit status is the process's."""
    code = run_gateway(serve, replace=replace)
    if code:
        raise SystemExit(code)


def running_pid(home: Path, *, clean_up: bool = True) -> int | None:
    """The status query."""
    return status.get_running_pid(cleanup_stale=clean_up)


def stop(home: Path) -> bool:
    """Whether there was a gateway to stop."""
    return stop_gateway() is not None
