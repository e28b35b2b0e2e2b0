"""a_dead_owner_can_be_replaced: if a command line cannot be read, the one in the record is believed."""

from __future__ import annotations

import shlex

from gateway_status import status
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop

reads = status._read_process_cmdline


@overrides(status)
def _read_process_cmdline(pid: int) -> str | None:
    payload = status._read_json_file(status._get_pid_path()) or {}
    return reads(pid) or shlex.join(payload.get("argv") or ())
