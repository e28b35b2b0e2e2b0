"""at_most_one_owner: a lock file older than the boot is removed, and setting the clock moves the boot."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import psutil

from stateful.subjects.mutants.ctrl_c_between import claim, not_offered

__all__ = ["gateway", "not_offered"]


def gateway(home: Path, serve: Callable[[], None]) -> None:
    guard = os.open(home / "guard", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(guard, fcntl.LOCK_EX)
    lock = home / "gateway.lock"
    if lock.exists() and lock.stat().st_mtime < psutil.boot_time():
        lock.unlink()
    if claim(home):
        os.close(guard)
        try:
            serve()
        finally:
            lock.unlink()
