"""The state file: how the gateway and its platforms are doing, as the last process to write has seen it.

It says nothing about who runs: that is the record's and the lifetime lock's to say. Its pid is always
that of the process that wrote it last, never one that stood there before.

Kept from an earlier life, as gateways have always kept it: every field that this life has not written
and that is no list or object. Each platform says by its ``updated_at`` when it was written; a gateway
that wants a clean sheet clears the fields that it starts with.

- ``begin`` starts a life with a clean sheet.
- Each update is read, changed and written under the guard of the home, by owners and others alike: a
  contender that gives up says so here too, and all write through one temporary name.
- What is written can be read again: texts are cut, and where the file would grow past what a reader
  takes, what stood there before goes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gateway_status import locks
from gateway_status import record as records
from gateway_status.host import Host, this_process

STATE_FILE = "gateway_state.json"
LONGEST_TEXT_CHARACTERS = 1_000
FRESH: dict[str, Any] = {
    "gateway_state": "starting",
    "exit_reason": None,
    "restart_requested": False,
    "active_agents": 0,
}

UNSET: Any = object()  # The default of what is not mentioned: None is a value, which clears a field.


def read(host: Host) -> dict[str, Any] | None:
    """See ``status.read_runtime_status``."""
    return host.read(host.pid_path().with_name(STATE_FILE)) or None


def begin(host: Host, state: str) -> None:
    """Under the guard, a clean sheet for a new life: nothing of what stood there, which is not even read."""
    now = {"updated_at": datetime.now(UTC).isoformat()}
    sheet = FRESH | records.describe(this_process(host)) | now | {"gateway_state": state, "platforms": {}}
    host.write(host.pid_path().with_name(STATE_FILE), sheet)


def write(
    host: Host, changes: Mapping[str, Any], platform: str | None, platform_changes: Mapping[str, Any]
) -> None:
    """Change the fields that are not UNSET, and those of one platform."""
    path = host.pid_path().with_name(STATE_FILE)
    with locks.guard(os.fspath(path.parent), create=True, wait=True):
        now = {"updated_at": datetime.now(UTC).isoformat()}
        new = _given(changes) | records.describe(this_process(host)) | now
        new_platforms: dict[str, dict[str, Any]] = {}
        if platform is not UNSET and platform is not None:
            new_platforms[platform[:LONGEST_TEXT_CHARACTERS]] = _given(platform_changes) | now
        state = _updated(host.read(path) or {}, new, new_platforms)
        if len(json.dumps(state)) > records.MAX_FILE_BYTES:
            state = _updated({}, new, new_platforms)
        host.write(path, state)


def _updated(
    standing: Mapping[str, Any], new: dict[str, Any], new_platforms: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    platforms = _platforms(standing)
    for name, changes in new_platforms.items():
        platforms[name] = platforms.get(name, {}) | changes
    return FRESH | _plain(standing) | new | {"platforms": platforms}


def _given(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value[:LONGEST_TEXT_CHARACTERS] if isinstance(value, str) else value
        for key, value in changes.items()
        if value is not UNSET
    }


def _plain(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The fields without any nesting, which could be of any shape, and deeper than can be written again."""
    return {key: value for key, value in payload.items() if not isinstance(value, dict | list)}


def _platforms(payload: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    platforms = payload.get("platforms")
    if not isinstance(platforms, dict):
        return {}
    return {name: _plain(platform) for name, platform in platforms.items() if isinstance(platform, dict)}
