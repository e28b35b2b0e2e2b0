"""release_removes_only_own_record: SIGTERM is handled after the release and before the process notes it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from stateful.subjects.mutants.ctrl_c_between import claim, not_offered


def gateway(home: Path, serve: Callable[[], None]) -> None:
    mine: Path | None = None

    def leave(number: int, frame: FrameType | None) -> None:
        if mine is not None:
            mine.unlink(missing_ok=True)
        sys.exit(1)

    signal.signal(signal.SIGTERM, leave)
    if claim(home):
        mine = home / "gateway.lock"
        serve()
        os.unlink(mine)
        mine = None
