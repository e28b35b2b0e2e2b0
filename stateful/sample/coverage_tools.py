"""What coverage tools see of a simulated process: HypoFuzz sees the subject's branches, Hypothesis nothing.

Both tools look up the file of each branch or line. In a simulated process these look-ups would be calls of
the process: an extra ``stat`` on its trace the first time, and none the second time.

- HypoFuzz, while it runs a machine, is told of the branches that the subject takes. The harness's own
  branches mean nothing and would take nearly all of the time. On Python 3.11 it traces each line, and its
  look-ups cannot be told apart from the calls of the subject.
- Hypothesis traces each line to explain a failure; this is switched off while processes run.
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

# The tool ids with which they register in sys.monitoring.
HYPOTHESIS: Final = 3
HYPOFUZZ: Final = 4
OF_THE_HARNESS: Final = str(Path(__file__).parents[1])
SUBJECTS: Final = str(Path(OF_THE_HARNESS, "subjects"))


def is_of_harness(path: str) -> bool:
    """Whether a file belongs to the harness and is not a built-in subject."""
    return path.startswith(OF_THE_HARNESS) and not path.startswith(SUBJECTS)


class _Observed(Interpreter):
    """Marks a process while HypoFuzz's callback runs, so the callback's calls are not simulated."""


def guide() -> bool:
    """Let HypoFuzz, if it is active, see only the subject's branches; returns whether it is active.

    Holds until the machine has ended. Raises SkipTest, which HypoFuzz honours, on Python 3.11.
    """
    if sys.version_info < (3, 12):
        tracer = type(getattr(sys.gettrace(), "__self__", None))
        if tracer.__module__.startswith("hypofuzz."):
            raise SkipTest("HypoFuzz needs Python 3.12 here: its look-ups would count as the subject's calls")
    elif sys.monitoring.get_tool(HYPOFUZZ) == "hypofuzz":
        branch = sys.monitoring.events.BRANCH
        callback = sys.monitoring.register_callback(HYPOFUZZ, branch, None)
        if callback is not None:
            sys.monitoring.register_callback(HYPOFUZZ, branch, _only_for_subject(callback))
        return callback is not None
    return False


def _only_for_subject(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a branch callback so that it runs only for the subject's branches, and outside any process."""

    def callback_outside(code: CodeType, *where: int) -> Any:
        if is_of_harness(code.co_filename):
            return sys.monitoring.DISABLE
        process = getcurrent()
        if type(process) is not Interpreter:
            return callback(code, *where)
        process.__class__ = _Observed
        try:
            return callback(code, *where)
        finally:
            process.__class__ = Interpreter

    return callback_outside


@contextlib.contextmanager
def unobserved_by_coverage() -> Iterator[None]:
    """Keep Hypothesis from tracing simulated processes inside this context; other tools may trace them."""
    if sys.version_info < (3, 12):
        tracer = sys.gettrace()
        if not type(getattr(tracer, "__self__", None)).__module__.startswith("hypothesis."):
            yield
            return
        sys.settrace(None)
        try:
            yield
        finally:
            sys.settrace(tracer)
    elif sys.monitoring.get_tool(HYPOTHESIS) != "scrutineer":
        yield
    else:
        events = sys.monitoring.get_events(HYPOTHESIS)
        sys.monitoring.set_events(HYPOTHESIS, 0)
        try:
            yield
        finally:
            sys.monitoring.set_events(HYPOTHESIS, events)
