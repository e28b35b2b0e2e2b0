"""Resource orderings: which two processes touched the same thing in turn, at least one of them changing it.

They measure what is new about a schedule: two executions with the same orderings show the same races. A
process is identified by its life and the name of its call, and each pid or random number in a path is
replaced by ``#``, so that the number of orderings stays small however long an execution is.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from stateful.explain.conflict import clash, touched
from stateful.explain.words import short_path
from stateful.model.trace import Step, Trace

_DRAWN: Final = re.compile(r"[0-9a-f]{8,}|[0-9]+")


class _Touch(NamedTuple):
    letter: str
    text: str
    changes: bool


class Orderings:
    """The orderings of a running execution."""

    def __init__(self) -> None:
        self._last: dict[str, _Touch] = {}

    def note(self, trace: Trace, step: Step) -> list[str]:
        """The new orderings that end with a step; it must be the last one of the trace."""
        made = []
        letter = step.move.letter
        for path, changes in touched(trace, step).items():
            assert step.call is not None
            touch = _Touch(letter, f"{trace.lives[letter]} {step.call.name}", changes)
            last = self._last.get(path)
            if last is not None and last.letter != letter and clash(path, changes, last.changes):
                made.append(f"{_DRAWN.sub('#', short_path(path))}: {last.text}, then {touch.text}")
            self._last[path] = touch
        return made
