"""a_stopped_owner_can_be_replaced: a replace asks the owner to go, and waits for its lock without a limit."""

from __future__ import annotations

import contextlib
import os
import signal

from stateful.subjects.overrides import overrides
from stateful.subjects.variants import record_in_the_lock
from stateful.subjects.variants.record_in_the_lock import Owner, gateway, running_pid, start_time


@overrides(record_in_the_lock)
def end(owner: Owner | None) -> None:
    with contextlib.suppress(ProcessLookupError):
        if owner is not None:
            fd = os.pidfd_open(owner.pid)
            if start_time(owner.pid) == owner.start_time:
                signal.pidfd_send_signal(fd, signal.SIGTERM)
