"""a_live_owner_is_discoverable: a shared file is read, changed and written; a change in between is lost.

A refused start notes its refusal beside the owner's pid, which it has read before the owner wrote it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def gateway(home: Path, serve: Callable[[], None]) -> None:
    fd = os.open(home / "gateway.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        update(home, last_refused=os.getpid())
        return
    update(home, pid=os.getpid())
    serve()


def running_pid(home: Path, *, clean_up: bool = True) -> int | None:
    pid: int | None = read(home).get("pid")
    return pid


def read(home: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads((home / "gateway_state.json").read_text())
    except (OSError, ValueError):
        return {}
    return state


def update(home: Path, **changes: int) -> None:
    new = home / f"gateway_state.json.{os.getpid()}"
    new.write_text(json.dumps(read(home) | changes))
    new.rename(home / "gateway_state.json")
