"""The reference, except that a replace or a stop signals the recorded pid if a single test of it passes."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any

from gateway_status import handover
from gateway_status.claim import Claim
from gateway_status.host import Host
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop

__all__ = ["documented_errors", "gateway", "running_pid", "signal_whom", "stop"]


def signal_whom(passes: Callable[[int, Mapping[str, Any]], bool]) -> None:
    """Make every replace and stop signal the recorded pid, if a test of the pid and its record passes."""

    @overrides(handover)
    def end(host: Host, claim: Claim, *more: Any) -> None:
        record = host.read(host.pid_path()) or {}
        if "pid" in record and passes(record["pid"], record):
            with contextlib.suppress(ProcessLookupError):
                os.kill(record["pid"], signal.SIGTERM)
