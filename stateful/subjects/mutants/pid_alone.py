"""only_the_owner_is_signalled: a replace signals the recorded pid without checking that it is the owner's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stateful.subjects.blunt_replace import documented_errors, gateway, running_pid, signal_whom, stop


@signal_whom
def passes(pid: int, record: Mapping[str, Any]) -> bool:
    return pid > 1
