"""filelock's SoftFileLock: a file that is there while somebody owns, naming pid and host.

It promises: one holder at a time; that the marker of a process of this host that is gone is removed, and one
that says nothing after 2 s. It says that a ``lifetime``, left out here, may overlap.
"""

from collections.abc import Callable
from pathlib import Path

from filelock import SoftFileLock, Timeout


def gateway(home: Path, serve: Callable[[], None]) -> None:
    try:
        with SoftFileLock(home / "app.lock", timeout=3, poll_interval=3):
            serve()
    except Timeout:
        return


def running_pid(home: Path) -> int | None:
    return SoftFileLock(home / "app.lock").pid
