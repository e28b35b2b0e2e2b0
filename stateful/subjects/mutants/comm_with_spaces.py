"""a_dead_owner_can_be_replaced: a stat line is split at white space, so a name with spaces shifts its fields.

Two processes with such a name then seem to have the same start time.
"""

from __future__ import annotations

from gateway_status import identity
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop


@overrides(identity)
def _stat_fields(pid: int) -> list[bytes] | None:
    content = identity._read_proc(f"{pid}/stat")
    return None if content is None else content.split()[2:]
