"""Two locks: a process holds the queue's lock while it waits for the lifetime lock; the next one gives up."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from stateful.subjects.variants.record_in_the_lock import lock, open_lock, publish, running_pid


def gateway(home: Path, serve: Callable[[], None]) -> None:
    queue = open_lock(home / "queue")
    if not lock(queue):
        return
    fd = open_lock(home / "gateway.lock")
    fcntl.flock(fd, fcntl.LOCK_EX)
    os.close(queue)
    publish(fd, os.getpid())
    serve()
    os.ftruncate(fd, 0)
