"""zc.lockfile's LockFile: ``flock`` on a file that stays behind, with the holder's pid in it.

It promises: one holder at a time; that the file is left behind is documented. The pid is for people: it
offers no query.
"""

from collections.abc import Callable
from pathlib import Path

from zc.lockfile import LockError, LockFile


def gateway(home: Path, serve: Callable[[], None]) -> None:
    try:
        lock = LockFile(str(home / "app.lock"))
    except LockError:
        return
    serve()
    lock.close()
