"""nobody_waits_for_ever: a start waits for the lock under the guard, an exit for the guard under the lock."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


def hold(path: Path) -> int:
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def gateway(home: Path, serve: Callable[[], None]) -> None:
    guard = hold(home / "gateway.guard")
    hold(home / "gateway.lock")
    (home / "gateway.pid").write_text(str(os.getpid()))
    os.close(guard)
    serve()
    guard = hold(home / "gateway.guard")
    (home / "gateway.pid").unlink()
    os.close(guard)
