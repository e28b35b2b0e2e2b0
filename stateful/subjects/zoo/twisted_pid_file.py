"""twisted's PIDFile, as its application runner uses it: a check, and a file that is renamed into place.

It promises: AlreadyRunningError if the process in the file runs, and that a stale file is replaced.
"""

from collections.abc import Callable
from pathlib import Path

from twisted.application.runner._pidfile import AlreadyRunningError, NoPIDFound, PIDFile
from twisted.python.filepath import FilePath

not_offered = {"an_answer_was_true_at_some_moment": "read() tells what the file says"}


def gateway(home: Path, serve: Callable[[], None]) -> None:
    try:
        with PIDFile(FilePath(str(home / "app.pid"))):
            serve()
    except AlreadyRunningError:
        return


def running_pid(home: Path) -> int | None:
    try:
        return PIDFile(FilePath(str(home / "app.pid"))).read()
    except NoPIDFound:
        return None
