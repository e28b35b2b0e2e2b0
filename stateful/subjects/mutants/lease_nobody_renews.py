"""at_most_one_owner: a lock file older than a day counts as one of a hung owner, and no owner renews it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from stateful.subjects.mutants.ctrl_c_between import claim

DAY_S: Final = 86_400

not_offered = {
    "a_dead_owner_can_be_replaced": "only a day after a kill",
    "an_end_leaves_the_home_free": "likewise",
    "supervisors_settle": "likewise",
}


def gateway(home: Path, serve: Callable[[], None]) -> None:
    guard = os.open(home / "guard", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(guard, fcntl.LOCK_EX)
    lock = home / "gateway.lock"
    if lock.exists() and time.time() - lock.stat().st_mtime > DAY_S:
        lock.unlink()
    if claim(home):
        os.close(guard)
        serve()
        lock.unlink()
