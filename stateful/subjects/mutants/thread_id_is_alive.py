"""a_dead_owner_can_be_replaced: the start time is looked up among the listed processes; a thread is none."""

from __future__ import annotations

import os

from gateway_status import status
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop

start_time = status._get_process_start_time


@overrides(status)
def _get_process_start_time(pid: int) -> int | None:
    return start_time(pid) if str(pid) in os.listdir("/proc") else None
