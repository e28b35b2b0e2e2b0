"""a_dead_owner_can_be_replaced: a stat line is split at white space; a name that has some shifts its fields.

Two processes of one odd name seem to have started at the same time.
"""

from __future__ import annotations

from gateway_status import identity
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop


@overrides(identity)
def _stat_fields(pid: int) -> list[bytes] | None:
    content = identity._read_proc(f"{pid}/stat")
    return None if content is None else content.split()[2:]
