"""portalocker's Lock: ``flock`` on a file that stays behind.

It promises: one holder at a time, and that the kernel frees a dead holder's lock. It names no holder.
"""

from collections.abc import Callable
from pathlib import Path

import portalocker


def gateway(home: Path, serve: Callable[[], None]) -> None:
    try:
        with portalocker.Lock(home / "app.lock", timeout=0, fail_when_locked=True):
            serve()
    except portalocker.AlreadyLocked:
        return
