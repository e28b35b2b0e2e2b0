"""python-daemon's TimeoutPIDLockFile, which DaemonContext takes as its ``pidfile``: an exclusive create.

It promises: one holder at a time. The user has to break the lock that a killed daemon leaves behind.
"""

from collections.abc import Callable
from pathlib import Path

from daemon.pidfile import TimeoutPIDLockFile
from lockfile import AlreadyLocked

not_offered = {
    "a_dead_owner_can_be_replaced": "break_lock() is left to its user",
    "an_answer_was_true_at_some_moment": "read_pid() tells what the file says",
}


def gateway(home: Path, serve: Callable[[], None]) -> None:
    try:
        with TimeoutPIDLockFile(str(home / "app.pid"), acquire_timeout=0):
            serve()
    except AlreadyLocked:
        return


def running_pid(home: Path) -> int | None:
    return TimeoutPIDLockFile(str(home / "app.pid")).read_pid()
