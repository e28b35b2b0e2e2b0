"""at_most_one_owner: the gateway works first, and claims its home when it is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway_status import status
from stateful.subjects.reference import documented_errors, running_pid


def gateway(home: Path, serve: Callable[[], None]) -> None:
    if status.get_running_pid() is None:
        serve()
        if status.acquire_gateway_runtime_lock():
            status.write_pid_file()
