"""What clocks tell a process: each reading is later than its last one, and than every stamp that it has seen.

The kernel's clock stands still while processes run, and moves by sleeps and by the world. So a process adds
microseconds of its own: one for each reading, and as many as it takes to be later than a time in what it has
read, listed or been told. Others do not see that, unless it writes a reading down.

Simplified: a time is known by its text, in seconds, milli-, micro- or nanoseconds or as ISO 8601, if it is
less than a second ahead; one that is packed or hashed is not.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from typing import Any, Final

from stateful.model.clock import MICROSECONDS

_TIMES: Final = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?)|(?P<number>\d+(?:\.\d+)?(?:e[+]?\d+)?)"
)
# Microseconds in each unit in which a number may tell a time.
_UNITS: Final = (MICROSECONDS, 1_000, 1, 0.001)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Readings:
    """The readings of the clocks by one process, in microseconds."""

    def __init__(self) -> None:
        self._ahead = -1
        self._looked_at: list[str] = []
        self._seen: set[float] = set()

    def look(self, answer: Any) -> None:
        """Note the answer to a call: text, bytes or names."""
        if isinstance(answer, bytes):
            self._looked_at.append(os.fsdecode(answer))
        elif isinstance(answer, str):
            self._looked_at.append(answer)
        elif isinstance(answer, tuple):
            self._looked_at += [name for name in answer if isinstance(name, str)]

    def read(self, clock: int) -> int:
        """What a clock tells, of which the kernel's stands so."""
        for text in self._looked_at:
            self._seen |= _times_in(text)
        self._looked_at.clear()
        newest = max((seen - clock for seen in self._seen if 0 <= seen - clock < MICROSECONDS), default=-1)
        self._ahead = max(self._ahead, round(newest)) + 1
        return clock + self._ahead


def _times_in(text: str) -> set[float]:
    """The times that numbers and dates in a text may tell, in microseconds."""
    found: set[float] = set()
    for match in _TIMES.finditer(text):
        if match["date"]:
            try:
                moment = datetime.fromisoformat(match["date"]).replace(tzinfo=UTC)
            except ValueError:
                continue
            found.add((moment - _EPOCH).total_seconds() * MICROSECONDS)
        elif len(match["number"]) <= 40:
            found |= {float(match["number"]) * unit for unit in _UNITS}
    return found
