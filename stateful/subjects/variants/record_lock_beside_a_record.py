"""The lock is a ``fcntl.lockf`` on a file that no process opens twice; the record is a separate file."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from stateful.subjects.variants.record_in_the_lock import open_lock


def gateway(home: Path, serve: Callable[[], None]) -> None:
    try:
        fcntl.lockf(open_lock(home / "gateway.lock"), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    new = home / f"record.{os.getpid()}"
    new.write_text(str(os.getpid()))
    new.rename(home / "record")
    serve()
