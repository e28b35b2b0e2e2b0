"""filelock's FileLock, which is UnixFileLock here: ``flock`` on a file that is left or removed.

It promises: one holder at a time, and the kernel ends the lock of a holder that dies. It names nobody.
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
