"""a_dead_owner_can_be_replaced: a SIGTERM handler calls ``os._exit``, so the record stays and blocks starts.

The next start sees the same as after a kill, so a search with kills finds it first.
"""

from __future__ import annotations

import atexit
import os
import signal
from collections.abc import Callable
from pathlib import Path


def gateway(home: Path, serve: Callable[[], None]) -> None:
    path = home / "gateway.pid"
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return
    atexit.register(path.unlink)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
    serve()
