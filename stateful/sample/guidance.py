"""What HypoFuzz is told while it runs a machine: the branches that the subject takes, and no others.

Those of the harness say nothing, and would take nearly all of the time. HypoFuzz looks up where each
branch's file is. In a simulated process that would be calls of the process: a ``stat`` more on its trace
the first time, and none the second. On Python 3.11 it traces each line, and that cannot be told apart.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any, Final
from unittest import SkipTest

from greenlet import getcurrent

from stateful.python.interpreter import Interpreter

HYPOFUZZ: Final = 4  # the number under which it registers with sys.monitoring
OF_THE_HARNESS: Final = str(Path(__file__).parents[1])
SUBJECTS: Final = str(Path(OF_THE_HARNESS, "subjects"))


def is_of_harness(path: str) -> bool:
    """Whether a file is of the harness, and not one of the built-in subjects."""
    return path.startswith(OF_THE_HARNESS) and not path.startswith(SUBJECTS)


class _Observed(Interpreter):
    """A process while somebody is told what it has done: what is called meanwhile is not its own call."""


def guide() -> bool:
    """Have HypoFuzz, where it watches, guided by the subject until the machine has ended; whether it does.

    Raises SkipTest on Python 3.11, which HypoFuzz heeds.
    """
    if sys.version_info < (3, 12):
        watching = type(getattr(sys.gettrace(), "__self__", None))
        if watching.__module__.startswith("hypofuzz."):
            raise SkipTest("HypoFuzz needs Python 3.12 here: what it looks up would be the subject's calls")
    elif sys.monitoring.get_tool(HYPOFUZZ) == "hypofuzz":
        branch = sys.monitoring.events.BRANCH
        told = sys.monitoring.register_callback(HYPOFUZZ, branch, None)
        if told is not None:
            sys.monitoring.register_callback(HYPOFUZZ, branch, _of_the_subject(told))
        return told is not None
    return False


def _of_the_subject(told: Callable[..., Any]) -> Callable[..., Any]:
    """A callback that is told of branches, called for those of the subject and as if no process ran."""

    def told_aside(code: CodeType, *where: int) -> Any:
        if is_of_harness(code.co_filename):
            return sys.monitoring.DISABLE
        process = getcurrent()
        if type(process) is not Interpreter:
            return told(code, *where)
        process.__class__ = _Observed
        try:
            return told(code, *where)
        finally:
            process.__class__ = Interpreter

    return told_aside
