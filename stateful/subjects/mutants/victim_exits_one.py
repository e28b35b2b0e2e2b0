"""a_replaced_owner_exits_clean: a replace leaves no marker, so its victim exits 1 and is restarted."""

from __future__ import annotations

from gateway_status import markers
from gateway_status.host import Host
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop


@overrides(markers)
def write(host: Host, name: str, target_pid: int) -> bool:
    return False
