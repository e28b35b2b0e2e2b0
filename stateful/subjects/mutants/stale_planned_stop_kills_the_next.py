"""a_dead_owner_can_be_replaced: a start obeys an old stop marker for an earlier process with the same pid."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway_status import markers, status
from gateway_status.host import Host
from stateful.subjects import reference
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, running_pid, stop


@overrides(markers)
def _names_me(payload: Mapping[str, Any], host: Host) -> bool:
    return payload.get("target_pid") == os.getpid()


def gateway(home: Path, serve: Callable[[], None], *, replace: bool = False) -> None:
    if not status.consume_planned_stop_marker_for_self():
        reference.gateway(home, serve, replace=replace)
