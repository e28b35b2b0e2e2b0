"""at_most_one_owner: lock and record are released while the gateway still finishes its work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stateful.subjects.variants import record_in_the_lock
from stateful.subjects.variants.record_in_the_lock import running_pid


def gateway(home: Path, serve: Callable[[], None], *, replace: bool = False) -> None:
    def serve_and_drain() -> None:
        serve()
        (home / "gateway.lock").unlink()
        serve()

    record_in_the_lock.gateway(home, serve_and_drain, replace=replace)
