"""The words with which a call is refused: where the subject made it, and what to do instead."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import FrameType

_LIBRARY: Final = (os.path.dirname(os.__file__), os.path.dirname(os.path.dirname(__file__)), "<")
_SUBJECTS: Final = f"{os.sep}subjects{os.sep}"

# By the beginning of a call's name; the first that fits is given.
_ADVICE: Final = (
    (("threading.", "_thread.", "greenlet"), "a simulated process has one thread"),
    (
        ("os.fork", "os.posix_spawn", "os.exec", "os.system", "subprocess.", "multiprocessing.", "pty."),
        "a simulated process starts no others",
    ),
    (("socket.", "select.", "_socket.", "ssl."), "a simulated machine has no network"),
    (("os.kill", "signal.pthread_kill", "signal.pidfd"), "signal one process with os.kill(pid, signal)"),
    (("sys.", "cpython."), "the harness needs this for itself"),
)


def caller() -> str:
    """Where the subject made the call that is being refused, as `` (status.py, line 12)``."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_LIBRARY) or _SUBJECTS in name:
            return f" ({os.path.basename(name)}, line {frame.f_lineno})"
        frame = frame.f_back
    return ""


def advice(name: str) -> str:
    """What to do about a call, as the end of a sentence."""
    for beginnings, reason in _ADVICE:
        if name.startswith(beginnings):
            return f": {reason}; leave it out of the code under test, or stub it in a wrapper module"
    return "; leave it out of the code under test, or stub it in a wrapper module"
