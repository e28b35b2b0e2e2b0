"""an_answer_was_true_at_some_moment: a query believes the state file, although its pid has been recycled."""

from __future__ import annotations

from pathlib import Path

from gateway_status import identity, status
from stateful.subjects.reference import documented_errors, gateway, stop


def running_pid(home: Path, *, clean_up: bool = True) -> int | None:
    pid: int | None = (status.read_runtime_status() or {}).get("pid")
    return pid if pid is not None and identity.exists(pid, windows=False) else None
