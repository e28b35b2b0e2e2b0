"""fasteners' InterProcessLock: ``lockf`` on a file that stays behind.

It promises: one holder at a time, and that the lock of a process that dies is free. It names nobody.
"""

from collections.abc import Callable
from pathlib import Path

from fasteners import InterProcessLock


def gateway(home: Path, serve: Callable[[], None]) -> None:
    lock = InterProcessLock(home / "app.lock")
    if lock.acquire(blocking=False):
        serve()
        lock.release()
