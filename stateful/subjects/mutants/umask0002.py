"""a_dead_owner_can_be_replaced: a lock file that its group may write is refused, and the umask lets it."""

from __future__ import annotations

import os

from gateway_status import locks
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop


@overrides(locks)
def _open(path: str, *, create: bool) -> int:
    fd = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o664)
    if os.fstat(fd).st_mode & 0o022:
        raise PermissionError(f"{path} is not private to its user")
    return fd
