"""release_removes_only_own_record: the lock is released first; a successor may claim before the unlink."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


def gateway(home: Path, serve: Callable[[], None]) -> None:
    record, mine = home / "gateway.pid", str(os.getpid())
    fd = os.open(home / "gateway.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    record.write_text(mine)
    serve()
    os.close(fd)
    if record.read_text() == mine:
        record.unlink()
