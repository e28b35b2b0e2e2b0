"""at_most_one_owner: the destructor of a lock that a refused start keeps removes the owner's lock file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from stateful.subjects.mutants.ctrl_c_between import claim, not_offered

_locks: Final[list[Lock]] = []


class Lock:
    """A lock file, removed when the lock is garbage."""

    def __init__(self, home: Path) -> None:
        self.path = home / "gateway.lock"
        self.is_mine = claim(home)

    def __del__(self, remove: Callable[[Path], None] = os.unlink) -> None:
        if self.path.exists():
            remove(self.path)


def gateway(home: Path, serve: Callable[[], None]) -> None:
    _locks.append(Lock(home))
    if _locks[0].is_mine:
        serve()
