"""supervisors_settle: who is refused exits 1, whoever runs, and its supervisor tries again for ever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stateful.subjects import reference
from stateful.subjects.reference import documented_errors, running_pid, stop


def gateway(home: Path, serve: Callable[[], None], *, replace: bool = False) -> None:
    reference.gateway(home, serve)
