"""a_stopped_owner_can_be_replaced: a replace asks, waits while ``kill(pid, 0)`` answers, and gives up."""

from __future__ import annotations

import os
import signal
import sys
import time

from stateful.subjects.overrides import overrides
from stateful.subjects.variants import record_in_the_lock
from stateful.subjects.variants.record_in_the_lock import Owner, gateway, running_pid

TRIES = 2


@overrides(record_in_the_lock)
def end(owner: Owner | None) -> None:
    if owner is None:
        sys.exit(1)
    try:
        os.kill(owner.pid, signal.SIGTERM)
        for _ in range(TRIES):
            time.sleep(1)
            os.kill(owner.pid, 0)
    except ProcessLookupError:
        return
    sys.exit(1)
