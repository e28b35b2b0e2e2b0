"""a_replaced_owner_exits_clean: an unannounced SIGTERM exits 0, so no supervisor restarts the gateway."""

from __future__ import annotations

from gateway_status import gateway as starts
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop


@overrides(starts)
def _was_planned() -> bool:
    return True
