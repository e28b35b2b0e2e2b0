"""a_dead_owner_can_be_replaced: a kill between create and write leaves an empty file that counts as held."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def gateway(home: Path, serve: Callable[[], None]) -> None:
    try:
        fd = os.open(home / "gateway.pid", os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return
    os.write(fd, b"%d" % os.getpid())
    serve()
    os.unlink(home / "gateway.pid")
