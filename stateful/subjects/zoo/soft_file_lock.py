"""filelock's SoftFileLock: a file that is there while somebody owns, naming pid and host.

It promises: one holder at a time; the marker of a process of this host that is gone is removed. It says
that a contender cannot tell a pid that was given away, and that a ``lifetime``, left out here, may overlap.
"""

from collections.abc import Callable
from pathlib import Path

from filelock import SoftFileLock, Timeout


def gateway(home: Path, serve: Callable[[], None]) -> None:
    try:
        with SoftFileLock(home / "app.lock", timeout=0):
            serve()
    except Timeout:
        return


def running_pid(home: Path) -> int | None:
    return SoftFileLock(home / "app.lock").pid
