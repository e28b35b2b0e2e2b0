"""a_replaced_owner_exits_clean: a marker from the future never expires, so a kill counts as planned."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gateway_status import markers
from gateway_status.host import Host
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop

count = markers.counts


@overrides(markers)
def counts(payload: Mapping[str, Any], host: Host) -> bool:
    now = datetime.now(UTC).isoformat()
    return count({**payload, "written_at": min(now, payload["written_at"])}, host)
