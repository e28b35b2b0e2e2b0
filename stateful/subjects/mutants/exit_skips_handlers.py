"""a_dead_owner_can_be_replaced: who is terminated ends by ``os._exit``, and its record stays in the way.

To the next start that is a kill, so a kill shows it first.
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
