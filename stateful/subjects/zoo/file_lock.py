"""filelock's FileLock, which is UnixFileLock here: ``flock`` on a file that is left or removed.

It promises: one holder at a time, and that the kernel frees a dead holder's lock. It names no holder.
"""

from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout


def gateway(home: Path, serve: Callable[[], None]) -> None:
    try:
        with FileLock(home / "app.lock", blocking=False):
            serve()
    except Timeout:
        return
