"""only_the_owner_is_signalled: the recorded pid has a gateway's command line, but another home's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_status import identity
from stateful.subjects.blunt_replace import documented_errors, gateway, running_pid, signal_whom, stop


@signal_whom
def passes(pid: int, record: Mapping[str, Any]) -> bool:
    return identity.looks_like_gateway(identity.cmdline(pid) or "")
