"""at_most_one_owner: a start writes its record without any check."""

from __future__ import annotations

from gateway_status import gateway as starts
from gateway_status import record, status
from gateway_status.host import this_process
from gateway_status.stop import Signals
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop


@overrides(starts)
def _claim(signals: Signals, *, replace: bool) -> None:
    record.publish_json(status.host.pid_path(), record.describe(this_process(status.host)))
