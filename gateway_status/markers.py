"""Markers: a note that says to a process why it is about to be told to end, so that it exits 0.

A supervisor revives what exits with a failure. A gateway that is replaced or stopped on purpose must not
be revived, and one that somebody else terminated must be. A marker counts for one process (its pid and
start time), for LIFETIME_S, and only while the replacer that wrote it lives: a crashed replacer's marker
would turn a real kill into a planned one.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway_status import locks
from gateway_status import record as records
from gateway_status.host import Host

TAKEOVER_FILE, PLANNED_STOP_FILE = ".gateway-takeover.json", ".gateway-planned-stop.json"
LIFETIME_S = 60.0


def write(host: Host, name: str, target_pid: int) -> bool:
    """Leave a marker for a process; whether that was possible."""
    path, me = host.pid_path().with_name(name), os.getpid()
    marker = {
        "target_pid": target_pid,
        "target_start_time": host.start_time(target_pid),
        "replacer_pid": me,
        "replacer_start_time": host.start_time(me),
        "written_at": datetime.now(UTC).isoformat(),
    }
    try:
        with locks.guard(str(path.parent), create=True, wait=True):
            host.write(path, marker)
    except OSError:
        return False
    return True


def consume(host: Host, name: str) -> bool:
    """Whether a marker names this process; it is removed then, as it is where it names nobody any more."""
    path = host.pid_path().with_name(name)
    payload = _read(host, path)
    if payload is None:
        return False
    named = _names_me(payload, host)
    if named or not counts(payload, host):
        _remove(host, path, payload)
    return named


def clear(host: Host, name: str) -> None:
    """Remove a marker, unless another process that lives wrote it for a process that it is about to end."""
    path = host.pid_path().with_name(name)
    payload = _read(host, path)
    if payload is not None and (payload.get("replacer_pid") == os.getpid() or not counts(payload, host)):
        _remove(host, path, payload)


def _read(host: Host, path: Path) -> dict[str, Any] | None:
    try:
        return host.read(path)
    except OSError:
        return None


def _names_me(payload: Mapping[str, Any], host: Host) -> bool:
    me = os.getpid()
    if payload.get("target_pid") != me or payload.get("target_start_time") != host.start_time(me):
        return False
    return counts(payload, host)


def counts(payload: Mapping[str, Any], host: Host) -> bool:
    """Whether a marker is young enough, and its replacer lives, for it to mean anything."""
    try:
        age_s = (datetime.now(UTC) - datetime.fromisoformat(payload["written_at"])).total_seconds()
    except (KeyError, TypeError, ValueError, OverflowError):
        return False
    if not 0 <= age_s <= LIFETIME_S:
        return False
    replacer, since = payload.get("replacer_pid"), payload.get("replacer_start_time")
    if since is None:
        return True  # An older version does not tell who it was.
    return isinstance(replacer, int) and host.start_time(replacer) == since


def _remove(host: Host, path: Path, payload: Mapping[str, Any]) -> None:
    """Remove a marker if it is still the one that was read; who waits in the guard may write another."""
    with (
        contextlib.suppress(OSError),
        # A process on its way out does not wait for others. What stays is without effect soon.
        locks.guard(str(path.parent), create=False, wait=False) as entered,
    ):
        if entered and host.read(path) == payload:
            records.discard(path)
