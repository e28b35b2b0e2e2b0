"""at_most_one_owner: the SIGTERM handler removes the lock file, also before this process has made it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from stateful.subjects.mutants.ctrl_c_between import claim, not_offered


def gateway(home: Path, serve: Callable[[], None]) -> None:
    def leave(number: int, frame: FrameType | None) -> None:
        (home / "gateway.lock").unlink(missing_ok=True)
        sys.exit(1)

    signal.signal(signal.SIGTERM, leave)
    if claim(home):
        serve()
        os.unlink(home / "gateway.lock")
