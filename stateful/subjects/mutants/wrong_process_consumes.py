"""a_replaced_owner_exits_clean: a query removes the marker of another process, which then exits 1."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from stateful.model.disk import HOME
from stateful.subjects.overrides import overrides
from stateful.subjects.variants import record_in_the_lock
from stateful.subjects.variants.record_in_the_lock import Owner

MARKER = Path(HOME) / "takeover"
ends = record_in_the_lock.end


@overrides(record_in_the_lock)
def end(owner: Owner | None) -> None:
    if owner is not None:
        MARKER.write_text(str(owner.pid))
    ends(owner)


def gateway(home: Path, serve: Callable[[], None], *, replace: bool = False) -> None:
    def serve_and_say_why() -> None:
        told: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
        serve()
        if told and not consume():
            sys.exit(1)

    record_in_the_lock.gateway(home, serve_and_say_why, replace=replace)


def running_pid(home: Path) -> int | None:
    consume()
    return record_in_the_lock.running_pid(home)


def consume() -> bool:
    """Whether there is a marker that names this process. It goes with the question."""
    try:
        target = MARKER.read_text()
        MARKER.unlink()
    except FileNotFoundError:
        return False
    return target == str(os.getpid())
