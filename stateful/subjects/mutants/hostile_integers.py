"""only_documented_errors: a recorded pid that is out of range makes every start raise OverflowError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_status import record
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop


@overrides(record)
def parse(payload: Mapping[str, Any]) -> record.Record | None:
    return record.Record(int(payload["pid"]), payload.get("start_time")) if "pid" in payload else None
