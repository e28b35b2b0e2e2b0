"""Resource orderings: which two processes touched the same thing one after the other, and one changed it.

They say what is new about a schedule: two executions with the same orderings show the same races. A process
is told by its life and the name of its call, and a pid or a drawn number in a path by ``#``, so that there
are few of them, however long an execution is.
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
    """The orderings of one execution, as it goes on."""

    def __init__(self) -> None:
        self._last: dict[str, _Touch] = {}

    def note(self, trace: Trace, step: Step) -> list[str]:
        """Those that a step makes, which is the last one of a trace."""
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
