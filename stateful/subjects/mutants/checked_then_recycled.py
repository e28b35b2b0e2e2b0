"""only_the_owner_is_signalled: identity is verified, but the pid is recycled before the signal."""

from __future__ import annotations

import contextlib
import os
import signal

from stateful.subjects.overrides import overrides
from stateful.subjects.variants import record_in_the_lock
from stateful.subjects.variants.record_in_the_lock import Owner, gateway, running_pid, start_time


@overrides(record_in_the_lock)
def end(owner: Owner | None) -> None:
    if owner is not None and start_time(owner.pid) == owner.start_time:
        with contextlib.suppress(ProcessLookupError):
            os.kill(owner.pid, signal.SIGTERM)
