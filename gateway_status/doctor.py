"""Says in plain words what is on the disk of a home, who owns it, what is stale and why."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gateway_status import identity, locks, markers, runtime, status, storm
from gateway_status import record as records
from gateway_status.errors import GatewayStatusError
from gateway_status.identity import Verdict


class Finding(NamedTuple):
    """What stands in the place of one file; whether that keeps every gateway from starting."""

    name: str
    says: str
    blocks: bool = False


def findings(home: Path) -> Iterator[Finding]:
    """One finding for each file of a home; nothing is changed."""
    for name, look in _FILES.items():
        path = home / name
        odd = _oddity(path)
        try:
            yield odd or look(path)
        except (GatewayStatusError, OSError) as error:
            yield Finding(name, f"cannot be read: {error.strerror}", _matters(name))


def _oddity(path: Path) -> Finding | None:
    """What stands there that is no file of ours."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return Finding(path.name, "is not there")
    except OSError as error:
        return Finding(path.name, f"cannot be looked at: {error.strerror}", _matters(path.name))
    mode = found.st_mode
    if stat.S_ISDIR(mode):
        empty = not os.listdir(path)
        after = "; the next start removes it" if empty else "; move it away"
        return Finding(path.name, f"is a directory{after}", not empty and _matters(path.name))
    if not stat.S_ISREG(mode):
        kind = "a symbolic link, which is not followed" if stat.S_ISLNK(mode) else "no regular file"
        is_lock = path.name in (locks.LOCK_FILE, locks.GUARD_FILE)
        after = "; remove it" if is_lock else "; the next write takes its place"
        return Finding(path.name, f"is {kind}{after}", is_lock)
    if hasattr(os, "getuid") and found.st_uid != os.getuid() and not os.access(path, os.R_OK | os.W_OK):
        return Finding(
            path.name,
            f"belongs to user {found.st_uid}, and this one may not use it; give it to user {os.getuid()}",
            _matters(path.name),
        )
    return None


def _matters(name: str) -> bool:
    return name in (status.PID_FILE, locks.LOCK_FILE, locks.GUARD_FILE)


def _record(path: Path) -> Finding:
    payload = status.host.read(path)
    if payload is None:
        return Finding(path.name, "is not there")
    record = records.parse(payload)
    verdict, reason = identity.judge(record, status.host, path.parent)
    if record is None:
        says = "holds no record; the next start replaces it"
    elif verdict is Verdict.LIVE:
        says = f"names {_words(record)}, the gateway: {reason}"
    elif verdict is Verdict.STALE:
        says = f"is stale, of {_words(record)}: {reason}; the next start replaces it"
    else:
        says = (
            f"names {_words(record)}, of which it cannot be told whether it lives: {reason}; the lock decides"
        )
    return Finding(path.name, says)


def _words(record: records.Record) -> str:
    return f"pid {record.pid}" + (f" since {record.since}" if record.since else "")


def _lock(path: Path) -> Finding:
    if status.is_gateway_runtime_lock_active(path):
        return Finding(path.name, "is locked: somebody owns this home")
    return Finding(path.name, "is free: nobody owns this home")


def _guard(path: Path) -> Finding:
    with locks.guard(str(path.parent), create=False, wait=False) as entered:
        if entered:
            return Finding(path.name, "is free, as it should be")
    return Finding(path.name, "is locked: somebody starts or cleans up; if for long, that process is stuck")


def _state(path: Path) -> Finding:
    payload = status.host.read(path) or {}
    state, pid = payload.get("gateway_state"), payload.get("pid")
    if not isinstance(state, str) or not isinstance(pid, int):
        return Finding(path.name, "holds no runtime status; the next gateway replaces it")
    reason = payload.get("exit_reason")
    return Finding(path.name, f"says {state}, by pid {pid}" + (f": {reason}" if reason else ""))


def _marker(path: Path) -> Finding:
    payload = status.host.read(path) or {}
    target = payload.get("target_pid")
    if not markers.counts(payload, status.host):
        return Finding(path.name, "is a marker that counts no more; whoever reads it next removes it")
    return Finding(path.name, f"tells pid {target} that its end is planned, since {payload['written_at']}")


def _ledger(path: Path) -> Finding:
    count = len(path.read_bytes()[: records.MAX_FILE_BYTES].split())
    return Finding(path.name, f"tells of {count} start{'s' if count != 1 else ''}")


_FILES: dict[str, Callable[[Path], Finding]] = {
    status.PID_FILE: _record,
    locks.LOCK_FILE: _lock,
    locks.GUARD_FILE: _guard,
    runtime.STATE_FILE: _state,
    markers.TAKEOVER_FILE: _marker,
    markers.PLANNED_STOP_FILE: _marker,
    storm.LEDGER_FILE: _ledger,
}


def as_json(home: Path) -> dict[str, Any]:
    """The answer of ``status --json``."""
    running = status.claim.running(home / status.PID_FILE, clean_up=False)
    record = running[1] if running else None
    return {
        "home": str(home),
        "running": record is not None,
        "pid": record.pid if record else None,
        "since": record.since if record else None,
        "state": status.read_runtime_status(),
    }
