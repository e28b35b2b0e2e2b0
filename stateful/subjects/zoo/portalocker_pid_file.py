"""portalocker's PidFileLock: ``flock`` on a file beside the PID file; both are removed on release.

It promises: one holder at a time, that a holder that dies is replaced, and that a reader sees a whole pid.
"""

from collections.abc import Callable
from pathlib import Path

from portalocker import AlreadyLocked, PidFileLock

documented_errors = (AlreadyLocked,)  # raised if the holder has not written its pid yet
not_offered = {"an_answer_was_true_at_some_moment": "read_pid() tells what the file says"}


def gateway(home: Path, serve: Callable[[], None]) -> None:
    with PidFileLock(home / "app.pid") as holder:
        if holder is None:
            serve()


def running_pid(home: Path) -> int | None:
    return PidFileLock(home / "app.pid").read_pid()
