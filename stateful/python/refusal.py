"""The words with which a call is refused: where the subject made it, and what to do instead."""

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

# By the beginning of a call's name; the first that fits is given.
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

    A library's code counts as the subject's: what it does is to be left out, or to be modelled.

    Args:
        frame: the innermost one of a process that is stopped; that of who asks if none is given.
    """
    frame = frame or sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if is_subjects(name):
            return f" ({short_name(name)}, line {frame.f_lineno})"
        frame = frame.f_back
    return ""


def is_subjects(name: str) -> bool:
    """Whether a file is the subject's, or a library's, and neither Python's own nor the harness's."""
    return not name.startswith(_LIBRARY) or _SUBJECTS in name or is_installed(name)


def is_installed(name: str) -> bool:
    """Whether a file is that of a library."""
    return _INSTALLED in name


def short_name(name: str) -> str:
    """A file's name; where that says nothing, with its package's before it."""
    folder, base = os.path.split(name)
    return f"{os.path.basename(folder)}/{base}" if base == "__init__.py" else base


def advice(name: str) -> str:
    """What to do about a call, as the end of a sentence."""
    for beginnings, reason in _ADVICE:
        if name.startswith(beginnings):
            return f": {reason}{LEAVE_IT_OUT}"
    return LEAVE_IT_OUT
