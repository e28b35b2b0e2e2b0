"""at_most_one_owner: a replace unlinks the record again, when a third process may have written a new one."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path


def gateway(home: Path, serve: Callable[[], None], *, replace: bool = False) -> None:
    path = home / "gateway.pid"
    if replace:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
            victim = int(path.read_text())
            os.kill(victim, signal.SIGTERM)
            for _ in range(2):
                os.kill(victim, 0)
                time.sleep(0.5)
        path.unlink(missing_ok=True)
    pending = home / f"pending-{os.getpid()}"
    pending.write_text(str(os.getpid()))
    try:
        os.link(pending, path)
    except FileExistsError:
        return
    signal.signal(signal.SIGTERM, lambda *_: None)  # which ends serve
    serve()
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
