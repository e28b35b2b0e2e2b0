"""fasteners' InterProcessLock: ``lockf`` on a file that stays behind.

It promises: one holder at a time, and that a process's death frees its lock. It does not name the holder.
"""

from collections.abc import Callable
from pathlib import Path

from fasteners import InterProcessLock


def gateway(home: Path, serve: Callable[[], None]) -> None:
    lock = InterProcessLock(home / "app.lock")
    if lock.acquire(blocking=False):
        serve()
        lock.release()
