"""a_live_owner_is_discoverable: a query waits for the lock that the owner has for as long as it lives."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


def gateway(home: Path, serve: Callable[[], None]) -> None:
    lock = os.open(home / "gateway.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    (home / "gateway.pid").write_text(str(os.getpid()))
    serve()
    (home / "gateway.pid").unlink()


def running_pid(home: Path) -> int | None:
    if not (home / "gateway.lock").exists():
        return None
    with (home / "gateway.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        return None
