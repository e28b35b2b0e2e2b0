"""some_contender_wins: a query takes the lifetime lock to see whether it is free; a start finds it held."""

from __future__ import annotations

from pathlib import Path

from gateway_status import locks, status
from stateful.subjects.reference import documented_errors, gateway, stop


def running_pid(home: Path, *, clean_up: bool = True) -> int | None:
    with locks.free_lifetime(str(home / locks.LOCK_FILE)) as free:
        return None if free else status.get_running_pid(cleanup_stale=clean_up)
