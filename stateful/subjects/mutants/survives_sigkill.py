"""at_most_one_owner: a replace that could not end its victim clears the files as if it had.

Here the victim is root's process. One in uninterruptible sleep is not modelled, and would look the same.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from gateway_status import handover, locks, record
from gateway_status.claim import Claim
from gateway_status.host import Host
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop

ends = handover.end


@overrides(handover)
def end(host: Host, claim: Claim, *more: Any) -> None:
    with contextlib.suppress(handover.NotEnded):
        ends(host, claim, *more)
        return
    path: Path = host.pid_path()
    record.discard(path)
    record.discard(path.with_name(locks.LOCK_FILE))
