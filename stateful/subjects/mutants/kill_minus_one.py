"""only_the_owner_is_signalled: ``kill`` accepts a recorded pid of -1 as alive, and signals every process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_status import identity
from stateful.subjects.blunt_replace import documented_errors, gateway, running_pid, signal_whom, stop


@signal_whom
def passes(pid: int, record: Mapping[str, Any]) -> bool:
    return identity.exists(pid, windows=False) and identity.start_time(pid) in (None, record["start_time"])
