"""a_dead_owner_can_be_replaced: a record without a start time counts as held even if its pid is recycled."""

from __future__ import annotations

from gateway_status import identity
from gateway_status.host import Host
from gateway_status.record import Record
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop

judges = identity._judge_life


@overrides(identity)
def _judge_life(record: Record, host: Host) -> identity.Judgement:
    if record.start_time is None:
        return identity.Judgement(identity.Verdict.LIVE, "it may be the same process")
    return judges(record, host)
