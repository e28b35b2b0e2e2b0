"""What coverage tools see of a simulated process: HypoFuzz the branches of the subject, Hypothesis nothing.

Both look up where the file of each branch or line is. In a simulated process those would be calls of the
process: one more ``stat`` on its trace the first time, and none the second.

- HypoFuzz, while it runs a machine, is told of the branches that the subject takes. Those of the harness say
  nothing, and would take nearly all of the time. On Python 3.11 it traces each line, and its look-ups
  cannot be told apart from the calls of the subject.
- Hypothesis, to explain a failure, traces each line; it is switched off while processes run.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any, Final
from unittest import SkipTest

from greenlet import getcurrent

from stateful.python.interpreter import Interpreter

# The numbers under which they register with sys.monitoring.
HYPOTHESIS: Final = 3
HYPOFUZZ: Final = 4
OF_THE_HARNESS: Final = str(Path(__file__).parents[1])
SUBJECTS: Final = str(Path(OF_THE_HARNESS, "subjects"))


def is_of_harness(path: str) -> bool:
    """Whether a file is of the harness, and not one of the built-in subjects."""
    return path.startswith(OF_THE_HARNESS) and not path.startswith(SUBJECTS)


class _Observed(Interpreter):
    """A process while HypoFuzz is told of a branch: calls that HypoFuzz then makes are not its own."""


def guide() -> bool:
    """Guide HypoFuzz, if it is there, by the subject alone until the machine has ended; whether it is there.

    Raises SkipTest, which HypoFuzz heeds, on Python 3.11.
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
    """A callback for branches that is called for those of the subject only, and outside of any process."""

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


@contextlib.contextmanager
def unobserved_by_coverage() -> Iterator[None]:
    """Keep Hypothesis from tracing the simulated processes that run meanwhile; other tools may trace them."""
    if sys.version_info < (3, 12):
        watching = sys.gettrace()
        if not type(getattr(watching, "__self__", None)).__module__.startswith("hypothesis."):
            yield
            return
        sys.settrace(None)
        try:
            yield
        finally:
            sys.settrace(watching)
    elif sys.monitoring.get_tool(HYPOTHESIS) != "scrutineer":
        yield
    else:
        events = sys.monitoring.get_events(HYPOTHESIS)
        sys.monitoring.set_events(HYPOTHESIS, 0)
        try:
            yield
        finally:
            sys.monitoring.set_events(HYPOTHESIS, events)
