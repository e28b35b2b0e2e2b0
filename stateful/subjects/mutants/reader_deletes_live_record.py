"""readers_change_nothing: a query's clean-up removes the record of a gateway that has started in between."""

from __future__ import annotations

from pathlib import Path

from gateway_status import record
from gateway_status.claim import Claim
from gateway_status.identity import Verdict
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop


@overrides(Claim)
def _settle(self: Claim, path: Path, verdict: Verdict, *, clean_up: bool) -> None:
    if clean_up:
        record.discard(path)
