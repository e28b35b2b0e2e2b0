"""The reference as a subject: ``run_gateway`` and ``stop_gateway``, with start, replace, stop and release."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway_status import status
from gateway_status.gateway import run_gateway, stop_gateway

documented_errors = status.documented_errors


def gateway(home: Path, serve: Callable[[], None], *, replace: bool = False) -> None:
    """Run the gateway; its exit status becomes the process's."""
    code = run_gateway(serve, replace=replace)
    if code:
        raise SystemExit(code)


def running_pid(home: Path, *, clean_up: bool = True) -> int | None:
    """The query for the owner's pid."""
    return status.get_running_pid(cleanup_stale=clean_up)


def stop(home: Path) -> bool:
    """Stop the gateway; return whether there was one."""
    return stop_gateway() is not None
