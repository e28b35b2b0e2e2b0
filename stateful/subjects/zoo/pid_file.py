"""pid's PidFile: ``flock`` on a PID file that is removed on exit.

It promises: one process at a time, stale detection, and a clean-up at exit.
"""

from collections.abc import Callable
from pathlib import Path

from pid import PidFile, PidFileError


def gateway(home: Path, serve: Callable[[], None]) -> None:
    try:
        with PidFile("app.pid", piddir=str(home)):
            serve()
    except PidFileError:
        return
