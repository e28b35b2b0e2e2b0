"""Says in plain words what is on the disk of a home, who owns it, what is stale and why."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from gateway_status import identity, locks, markers, runtime, status, storm
from gateway_status import record as records
from gateway_status.errors import documented
from gateway_status.gateway import describe
from gateway_status.identity import Verdict


class Finding(NamedTuple):
    """What stands in the place of one file; whether that keeps every gateway from starting."""

    name: str
    says: str
    blocks: bool = False


def findings(home: Path) -> Iterator[Finding]:
    """One finding for each file of a home, and for the home itself where that is odd; nothing is changed."""
    if says := _oddity_of_home(home):
        yield Finding("home", says, blocks=os.path.lexists(home))
    if not home.is_dir():
        return
    for name, look in _FILES.items():
        path = home / name
        try:
            yield _oddity(path) or look(path)
        except OSError as error:
            yield Finding(name, f"cannot be read: {error.strerror}", _matters(name))


def _oddity_of_home(home: Path) -> str | None:
    if not os.path.lexists(home):
        return "is not there; the first start makes it"
    if not home.is_dir():
        return "is no directory; move it away, or set HERMES_HOME to another one"
    if not os.access(home, os.W_OK | os.X_OK):
        return "may not be written by this user; give it to them, or set HERMES_HOME to another one"
    return None


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
        says = f"names {describe(record)}, the gateway: {reason}"
    elif verdict is Verdict.STALE:
        says = f"is stale, of {describe(record)}: {reason}; the next start replaces it"
    else:
        doubt = f"of which it cannot be told whether it lives: {reason}; the lock decides"
        says = f"names {describe(record)}, {doubt}"
    return Finding(path.name, says)


def _lock(path: Path) -> Finding:
    runs = running(path.parent) is not None
    locked = _is_locked(path)
    if locked is None:
        says = f"is not looked at while somebody is behind {locks.GUARD_FILE}"
    elif locked and not runs:
        says = (
            "is locked, although no gateway is found: one starts just now, or a child of the last one still "
            f"holds it; {_holder(path)}"
        )
    elif locked:
        says = "is locked: the gateway owns this home"
    elif runs:
        says = "is free, although a gateway runs: it is of an older version, or of another home"
    else:
        says = "is free: nobody owns this home"
    return Finding(path.name, says, bool(locked and not runs))


def _is_locked(path: Path) -> bool | None:
    """Whether somebody holds the lifetime lock; None where the guard is busy, for it may be so for ever."""
    with locks.guard(str(path.parent), create=False, wait=False) as entered:
        if not entered and os.path.lexists(path.with_name(locks.GUARD_FILE)):
            return None
        with locks.free_lifetime(str(path)) as free:
            return not free


def _holder(path: Path) -> str:
    return f"`fuser {shlex.quote(str(path))}` names the process"


def _guard(path: Path) -> Finding:
    with locks.guard(str(path.parent), create=False, wait=False) as entered:
        if entered:
            return Finding(path.name, "is free, as it should be")
    says = (
        "is locked: somebody starts or cleans up; if for long, that process is stuck, and keeps all waiting"
    )
    return Finding(path.name, f"{says}; {_holder(path)}")


def _state(path: Path) -> Finding:
    payload = status.host.read(path) or {}
    state, pid = payload.get("gateway_state"), payload.get("pid")
    if not isinstance(state, str) or not isinstance(pid, int):
        return Finding(path.name, "holds no runtime status; the next gateway replaces it")
    reason = payload.get("exit_reason")
    says = f"says {state}, by pid {pid}" + (f": {reason}" if reason else "")
    now = running(path.parent)
    if state != "stopped" and (now is None or now.pid != pid):
        says += ", which is so no more: that gateway was killed"
    return Finding(path.name, says)


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


def running(home: Path) -> records.Record | None:
    """The record of the gateway that runs; None also where that cannot be told."""
    try:
        return _running(home)
    except OSError:
        return None


def _running(home: Path) -> records.Record | None:
    found = status.claim.running(home / status.PID_FILE, clean_up=False)
    return found[1] if found else None


@documented
def as_json(home: Path) -> dict[str, Any]:
    """The answer of ``status --json``."""
    record = _running(home)
    return {
        "home": str(home),
        "running": record is not None,
        "pid": record.pid if record else None,
        "since": record.since if record else None,
        "state": status.read_runtime_status(),
    }
