"""a_live_owner_is_discoverable: a process that may not be signalled counts as dead.

The lifetime lock still prevents a second owner; a protocol with a record alone would have one.
"""

from __future__ import annotations

import os

from gateway_status import identity
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop


@overrides(identity)
def exists(pid: int, *, windows: bool) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
