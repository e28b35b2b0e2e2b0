"""a_dead_owner_can_be_replaced: a clean-up locks the guard that its caller has locked already, and waits."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


def enter(home: Path) -> int:
    guard = os.open(home / "gateway.guard", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(guard, fcntl.LOCK_EX)
    return guard


def clean_up(home: Path) -> None:
    guard = enter(home)
    (home / "gateway.pid").unlink()
    os.close(guard)


def gateway(home: Path, serve: Callable[[], None]) -> None:
    lock = os.open(home / "gateway.lock", os.O_CREAT | os.O_RDWR, 0o600)
    guard = enter(home)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    if (home / "gateway.pid").exists():
        clean_up(home)
    (home / "gateway.pid").write_text(str(os.getpid()))
    os.close(guard)
    serve()
    (home / "gateway.pid").unlink()
