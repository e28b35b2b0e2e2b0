"""an_end_leaves_the_home_free: a SIGINT between the claim and the try leaves the lock file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

documented_errors = (KeyboardInterrupt,)
not_offered = {
    "a_dead_owner_can_be_replaced": "an operator removes the lock file that a killed owner left",
    "supervisors_settle": "likewise",
}


def claim(home: Path) -> bool:
    try:
        fd = os.open(home / "gateway.lock", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return False
    os.write(fd, b"%d" % os.getpid())
    os.close(fd)
    return True


def gateway(home: Path, serve: Callable[[], None]) -> None:
    if claim(home):
        try:
            serve()
        finally:
            os.unlink(home / "gateway.lock")
