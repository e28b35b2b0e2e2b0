"""a_replaced_owner_exits_clean: a SIGTERM that nobody announced exits 0, and nobody revives the gateway."""

from __future__ import annotations

from gateway_status import gateway as starts
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop


@overrides(starts)
def _was_planned() -> bool:
    return True
