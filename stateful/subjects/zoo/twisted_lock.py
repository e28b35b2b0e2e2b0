"""twisted's FilesystemLock: a symbolic link that names the holder's pid.

It promises: one holder at a time, and that the lock of a process that is gone is taken over.
"""

from collections.abc import Callable
from pathlib import Path

from twisted.python.lockfile import FilesystemLock


def gateway(home: Path, serve: Callable[[], None]) -> None:
    lock = FilesystemLock(str(home / "app.lock"))
    if lock.lock():
        serve()
        lock.unlock()
