"""What a step touches, and whether it changes that: two steps that conflict may not be exchanged."""

from __future__ import annotations

import os
from typing import Final

from stateful.model.call import Errno
from stateful.model.trace import Step, Trace

# The paths of these calls are changed where they succeed; those of all others are looked at.
_CHANGING: Final = frozenset(
    {
        *("unlink", "rename", "link", "symlink", "mkdir", "rmdir", "truncate", "chmod", "utime"),
        *("write", "pwrite", "ftruncate", "fchmod", "flock", "lockf", "close"),
    }
)


def touched(trace: Trace, step: Step) -> dict[str, bool]:
    """The paths and the processes (as ``/proc/<pid>``) that a step touches, and whether it changes them."""
    call = step.call
    if call is None:
        return {}
    changes = call.name in _CHANGING and not isinstance(step.answer, Errno)
    if call.name == "open":
        changes = bool(call.args[1] & (os.O_CREAT | os.O_TRUNC)) and not isinstance(step.answer, Errno)
    if call.name in ("kill", "pidfd_send_signal"):
        changes = call.args[1] != 0
    paths = (
        [step.path] if step.path else [arg for arg in call.args if isinstance(arg, str) and arg[:1] == "/"]
    )
    if call.name in ("kill", "pid_exists", "inspect", "pidfd_open"):
        paths = [f"/proc/{call.args[0]}"]
    if call.name == "exit":
        paths, changes = [f"/proc/{trace.pids[step.move.letter]}"], True
    return {"/".join(path.split("/")[:3]) if path.startswith("/proc/") else path: changes for path in paths}


def conflict(trace: Trace, one: Step, other: Step) -> bool:
    """Whether two steps touch the same thing and one of them changes it."""
    first, second = touched(trace, one), touched(trace, other)
    return any(changes or second[what] for what, changes in first.items() if what in second)
