"""filelock's SoftFileLock: a file that is there while somebody owns, naming pid and host.

It promises: one holder at a time, and that a contender removes the marker of a process of this host that is
gone. It says that a marker without content is removed after 2 s, that a ``lifetime`` may overlap (neither
happens here: nobody waits), and from 4.1.0 on that somebody can slip in between two calls of that removal.
"""

from collections.abc import Callable
from pathlib import Path

from filelock import SoftFileLock, Timeout


def gateway(home: Path, serve: Callable[[], None]) -> None:
    try:
        with SoftFileLock(home / "app.lock", blocking=False):
            serve()
    except Timeout:
        return


def running_pid(home: Path) -> int | None:
    return SoftFileLock(home / "app.lock").pid
