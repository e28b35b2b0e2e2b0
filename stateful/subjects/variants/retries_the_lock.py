"""A contender tries for the lock a few times, with pauses, before it gives up."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from stateful.subjects.variants.record_in_the_lock import lock, open_lock, publish, running_pid

TRIES, PAUSE_S = 3, 0.5


def gateway(home: Path, serve: Callable[[], None]) -> None:
    fd = open_lock(home / "gateway.lock")
    for _ in range(TRIES):
        if lock(fd):
            publish(fd, os.getpid())
            serve()
            return
        time.sleep(PAUSE_S)
