"""a_replaced_owner_exits_clean: a query tidies up a marker that does not name it; whom it names exits 1 then."""

from __future__ import annotations

from pathlib import Path

from gateway_status import markers, record
from stateful.subjects import reference
from stateful.subjects.reference import documented_errors, gateway, stop


def running_pid(home: Path, *, clean_up: bool = True) -> int | None:
    if clean_up:
        record.discard(home / markers.TAKEOVER_FILE)
    return reference.running_pid(home, clean_up=clean_up)
