"""at_most_one_owner: the record names its owner by psutil's creation time, which a set clock moves."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import psutil


def identity(pid: int) -> str:
    return f"{pid} {psutil.Process(pid).create_time():.2f}"


def is_alive(said: str) -> bool:
    try:
        return said == identity(int(said.partition(" ")[0]))
    except (psutil.Error, ValueError, OverflowError):
        return False


def gateway(home: Path, serve: Callable[[], None]) -> None:
    guard = os.open(home / "guard", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(guard, fcntl.LOCK_EX)
    record = home / "gateway.pid"
    if record.exists() and is_alive(record.read_text(errors="replace")):
        return
    new = home / "gateway.pid.new"
    new.write_text(identity(os.getpid()))
    new.replace(record)
    os.close(guard)
    serve()
