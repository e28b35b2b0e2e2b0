"""a_dead_owner_can_be_replaced: any command line that contains the word counts as a gateway's."""

from __future__ import annotations

from gateway_status import identity
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop


@overrides(identity)
def looks_like_gateway(command: str) -> bool:
    return "gateway" in command and "run" in command
