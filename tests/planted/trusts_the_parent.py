"""at_most_one_owner, once a parent ends: it takes an owner whose parent is gone for gone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

documented_errors = (OSError,)


def gateway(home: Path, serve: Callable[[], None]) -> None:
    lock = home / "lock"
    try:
        os.symlink(f"{os.getpid()}-{os.getppid()}", lock)
    except FileExistsError:
        if all(is_there(int(pid)) for pid in os.readlink(lock).split("-")):
            return
        os.rename(lock, home / f"old.{os.getpid()}")
        os.symlink(f"{os.getpid()}-{os.getppid()}", lock)
    serve()
    os.unlink(lock)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
