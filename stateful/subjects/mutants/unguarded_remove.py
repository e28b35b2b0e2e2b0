"""release_removes_only_own_record: a release drops the lock first, and then removes any record it finds."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


def gateway(home: Path, serve: Callable[[], None]) -> None:
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    (home / "record").write_text(str(os.getpid()))
    serve()
    os.close(fd)
    (home / "record").unlink(missing_ok=True)
