"""supervisors_settle: a refused start exits 1 although a gateway runs, so its supervisor retries for ever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stateful.subjects import reference
from stateful.subjects.reference import documented_errors, running_pid, stop


def gateway(home: Path, serve: Callable[[], None], *, replace: bool = False) -> None:
    reference.gateway(home, serve)
