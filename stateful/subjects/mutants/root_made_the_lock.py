"""a_dead_owner_can_be_replaced: the lock files of root are 0644: the user may not open them to write."""

from __future__ import annotations

import os

from gateway_status import locks, ownership
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop


@overrides(ownership)
def make_for_user(path: str, create_flags: int) -> None:
    """Root makes the file for itself, when it opens it."""


@overrides(locks)
def _open(path: str, *, create: bool) -> int:
    return os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o644)
