"""a_dead_owner_can_be_replaced: any process with the recorded pid counts as the gateway."""

from __future__ import annotations

from typing import Any

from gateway_status import identity
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop


@overrides(identity)
def judge(record: Any, host: Any, home: Any = None) -> identity.Judgement:
    alive = record is not None and identity.exists(record.pid, windows=False)
    verdict = identity.Verdict.LIVE if alive else identity.Verdict.STALE
    return identity.Judgement(verdict, "judged by the pid alone")
