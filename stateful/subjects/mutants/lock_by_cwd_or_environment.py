"""at_most_one_owner: the lock lies in the folder for temporary files, which the environment names."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable
from pathlib import Path


def gateway(home: Path, serve: Callable[[], None]) -> None:
    name = str(home).replace("/", "_")
    lock = os.open(f"{tempfile.gettempdir()}/gateway{name}.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    serve()
