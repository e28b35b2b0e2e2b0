"""celery's create_pidlock, as its worker and beat use it: an exclusive create, removed by an exit handler.

It promises: the program exits if the PID file names a live process; a stale file is deleted first.
"""

from collections.abc import Callable
from pathlib import Path

from celery.platforms import LockFailed, Pidfile, create_pidlock

documented_errors = (LockFailed,)
not_offered = {"an_answer_was_true_at_some_moment": "read_pid() tells what the file says"}


def gateway(home: Path, serve: Callable[[], None]) -> None:
    create_pidlock(str(home / "app.pid"))
    serve()


def running_pid(home: Path) -> int | None:
    return Pidfile(str(home / "app.pid")).read_pid()
