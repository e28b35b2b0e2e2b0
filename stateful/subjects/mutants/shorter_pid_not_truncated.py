"""a_live_owner_is_discoverable: a pid is written over a longer one, which is not cut off."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


def gateway(home: Path, serve: Callable[[], None]) -> None:
    lock = os.open(home / "gateway.pid", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    os.write(lock, str(os.getpid()).encode())
    serve()


def running_pid(home: Path) -> int | None:
    try:
        pid = int((home / "gateway.pid").read_text() or 0)
        if pid:
            os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pid or None
