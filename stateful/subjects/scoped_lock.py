"""The reference's scoped lock, and nothing else: one gateway of the machine at a time uses a bot token.

The folder of scoped locks is the home, so that what a scenario puts there stands beside them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from gateway_status import status

SCOPE, IDENTITY = "telegram-bot-token", "123456:secret"

documented_errors = status.documented_errors


def gateway(home: Path, serve: Callable[[], None]) -> None:
    os.environ["HERMES_GATEWAY_LOCK_DIR"] = os.fspath(home)
    acquired, _ = status.acquire_scoped_lock(SCOPE, IDENTITY)
    if acquired:
        serve()
        status.release_scoped_lock(SCOPE, IDENTITY)
