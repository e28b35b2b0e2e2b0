"""at_most_one_owner: a replace removes all scoped locks, even those of other homes' gateways."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from stateful.subjects import scoped_lock
from stateful.subjects.scoped_lock import documented_errors


def gateway(home: Path, serve: Callable[[], None], *, replace: bool = False) -> None:
    if replace:
        for name in os.listdir(home):
            if name.endswith(".lock"):
                os.unlink(home / name)
    scoped_lock.gateway(home, serve)
