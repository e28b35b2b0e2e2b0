"""The functions that the historical status modules share: records, liveness checks and a runtime lock."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any


def pid_path() -> Path:
    return Path(os.environ["HERMES_HOME"]) / "gateway.pid"


def lock_path() -> Path:
    return Path(os.environ["HERMES_HOME"]) / "gateway.lock"


def read_record() -> dict[str, Any] | None:
    """The record; None if there is none or it cannot be read."""
    try:
        record = json.loads(pid_path().read_text())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def running_pid(record: dict[str, Any] | None) -> int | None:
    """The pid of a record, if its process is alive and still the same one."""
    if record is None:
        return None
    pid = int(record["pid"])
    try:
        os.kill(pid, 0)
    except OSError:
        return None
    return pid if start_time(pid) == record["start_time"] else None


def start_time(pid: int) -> int | None:
    """Field 22 of ``/proc/<pid>/stat``."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return None


def write_exclusively() -> None:
    """Create the record. Raises FileExistsError if there is one."""
    record = {"pid": os.getpid(), "start_time": start_time(os.getpid())}
    fd = os.open(pid_path(), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    with os.fdopen(fd, "w") as file:
        json.dump(record, file)


def remove_own() -> None:
    """Remove the record if it names this process: correct at exit, fatal as a clean-up."""
    record = read_record()
    if record is not None and record["pid"] == os.getpid():
        pid_path().unlink(missing_ok=True)


_lock: int | None = None


def acquire_lock() -> bool:
    """Try to take the runtime lock; return whether this process holds it now."""
    global _lock
    fd = os.open(lock_path(), os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return False
    _lock = fd
    return True


def release_lock() -> None:
    if _lock is not None:
        os.close(_lock)
