"""The lock is ``fcntl.lockf``'s, on a file that nobody opens a second time; the record stands beside it."""

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
    (home / "record").write_text(str(os.getpid()))
    serve()
