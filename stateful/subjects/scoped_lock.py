"""The reference's scoped lock alone: only one gateway of the machine at a time may use a bot token.

The home serves as the folder of scoped locks, so that a scenario's files stand beside them.
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
