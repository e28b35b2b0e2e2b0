"""The owner removes the lock file while it holds it; a process that locks a nameless file tries again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from stateful.subjects.variants.record_in_the_lock import lock, open_lock


def gateway(home: Path, serve: Callable[[], None]) -> None:
    path = home / "gateway.lock"
    while True:
        fd = open_lock(path)
        if not lock(fd):
            return
        if is_named(fd, path):
            break
        os.close(fd)
    serve()
    path.unlink()


def is_named(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False
