"""A life: the task of a process, and which subject it runs if two share one home.

``start`` is a start of the subject, ``other-start`` one of the other subject, and so on.
"""

from __future__ import annotations

from typing import Final

OTHER: Final = "other-"
LIVES: Final = ("start", "replace", "stop", "status", "peek")
OTHER_LIVES: Final = tuple(OTHER + life for life in LIVES)


def plain(life: str) -> str:
    """A life without the prefix that says which subject it runs."""
    return life.removeprefix(OTHER)


def runs_other(life: str) -> bool:
    """Whether a life runs the other subject."""
    return life.startswith(OTHER)
