"""The messages of refused calls: where the subject made the call, and what to do instead."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from types import FrameType

    from stateful.python.interpreter import Interpreter

_LIBRARY: Final = (os.path.dirname(os.__file__), os.path.dirname(os.path.dirname(__file__)), "<")
_SUBJECTS: Final = f"{os.sep}subjects{os.sep}"
_INSTALLED: Final = f"{os.sep}site-packages{os.sep}"

# By the beginning of a call's name; the first match counts.
_ADVICE: Final = (
    (("threading.", "_thread.", "greenlet"), "a simulated process has one thread"),
    (
        ("os.fork", "os.posix_spawn", "os.exec", "os.system", "subprocess.", "multiprocessing.", "pty."),
        "a simulated process starts no others",
    ),
    (("socket.", "select.", "_socket.", "ssl."), "a simulated machine has no network"),
    (("os.kill", "signal.pthread_kill", "signal.pidfd"), "signal one process with os.kill(pid, signal)"),
    (("psutil.",), "README says what of psutil is modelled"),
    (("sys.", "cpython."), "the harness needs this for itself"),
)


LEAVE_IT_OUT: Final = "; leave it out of the code under test, or stub it in a wrapper module"
AT_HOME: Final = "; let the code under test keep its files in the home that it is given"


def refuse(process: Interpreter, deed: str, advice: str) -> NoReturn:
    """Stop the run because of what the subject did: which call, from which line, and what to do about it."""
    process.refuse(f"{deed}{caller()}{advice}")


def caller(frame: FrameType | None = None) -> str:
    """Where the subject made the call that is being refused, as `` (status.py, line 12)``.

    Code of a library counts as the subject's: its call has to be left out or modelled, too.

    Args:
        frame: the innermost frame of a stopped process; by default the frame of the caller.
    """
    frame = frame or sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if is_subjects(name):
            return f" ({short_name(name)}, line {frame.f_lineno})"
        frame = frame.f_back
    return ""


def is_subjects(name: str) -> bool:
    """Whether a file belongs to the subject or a library, not to Python or the harness."""
    return not name.startswith(_LIBRARY) or _SUBJECTS in name or is_installed(name)


def is_installed(name: str) -> bool:
    """Whether a file belongs to an installed library."""
    return _INSTALLED in name


def short_name(name: str) -> str:
    """The name of a file; of an ``__init__.py`` with the name of its package in front."""
    folder, base = os.path.split(name)
    return f"{os.path.basename(folder)}/{base}" if base == "__init__.py" else base


def advice(name: str) -> str:
    """What to do about a call, as the end of a sentence."""
    for beginnings, reason in _ADVICE:
        if name.startswith(beginnings):
            return f": {reason}{LEAVE_IT_OUT}"
    return LEAVE_IT_OUT
