"""a_replaced_owner_exits_clean: a marker outlives its crashed replacer, so a later kill counts as planned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_status import markers
from gateway_status.host import Host
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop

count = markers.counts


@overrides(markers)
def counts(payload: Mapping[str, Any], host: Host) -> bool:
    return count({**payload, "replacer_start_time": None}, host)
