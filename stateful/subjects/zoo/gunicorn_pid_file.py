"""gunicorn's Pidfile, as its arbiter uses it: a check, and a complete file that is renamed into place.

It promises: a start beside a live process of that PID file fails, and a stale file is replaced.
"""

import os
from collections.abc import Callable
from pathlib import Path

from gunicorn.pidfile import Pidfile


def gateway(home: Path, serve: Callable[[], None]) -> None:
    pid_file = Pidfile(str(home / "app.pid"))
    try:
        pid_file.create(os.getpid())
    except RuntimeError:
        return
    serve()
    pid_file.unlink()


def running_pid(home: Path) -> int | None:
    return Pidfile(str(home / "app.pid")).validate()
