"""Without Hypothesis watching every line, as it does to explain a failure.

It looks up where each line's file is. In a simulated process that would be calls of the process.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Final

MONITOR: Final = 3  # the number under which Hypothesis registers with sys.monitoring


@contextlib.contextmanager
def unwatched() -> Iterator[None]:
    """Have simulated processes run without being watched by Hypothesis; others may watch."""
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
    elif sys.monitoring.get_tool(MONITOR) != "scrutineer":
        yield
    else:
        events = sys.monitoring.get_events(MONITOR)
        sys.monitoring.set_events(MONITOR, 0)
        try:
            yield
        finally:
            sys.monitoring.set_events(MONITOR, events)
