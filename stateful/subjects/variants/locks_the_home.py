"""The lock is on the home folder itself, so there is no lock file to remove."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


def gateway(home: Path, serve: Callable[[], None]) -> None:
    fd = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    serve()
