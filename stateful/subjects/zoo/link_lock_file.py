"""lockfile's LinkLockFile: a hard link that only one process can make.

It promises: one holder at a time. The user has to break the lock that a killed holder leaves behind.
"""

from collections.abc import Callable
from pathlib import Path

from lockfile import AlreadyLocked
from lockfile.linklockfile import LinkLockFile

not_offered = {"a_dead_owner_can_be_replaced": "break_lock() is left to its user"}


def gateway(home: Path, serve: Callable[[], None]) -> None:
    try:
        with LinkLockFile(str(home / "app"), timeout=0):
            serve()
    except AlreadyLocked:
        return
