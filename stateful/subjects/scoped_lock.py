"""The reference's scoped lock, which it owns by: one gateway of the machine at a time uses a bot token.

The lock lies in the folder that the environment names, as on the host, and not in the home.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway_status import status

documented_errors = status.documented_errors

SCOPE, IDENTITY = "telegram-bot-token", "123456:secret"


def gateway(home: Path, serve: Callable[[], None]) -> None:
    acquired, _ = status.acquire_scoped_lock(SCOPE, IDENTITY)
    if acquired:
        serve()
        status.release_scoped_lock(SCOPE, IDENTITY)
