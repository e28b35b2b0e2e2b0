"""A schedule: who moves, in which order, and what the world does in between, as text.

``A3 B5 crash-A B2`` lets A take 3 steps and B 5, kills A, and lets B take 2. Events are

- ``crash-A`` (SIGKILL), ``term-A`` (SIGTERM), ``exit-A`` (its ``serve`` returns),
- ``start-B``, ``replace-B``, ``stop-B``, ``status-B``, ``peek-B``: a new process, B, with that life.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Final, NamedTuple

STEP: Final = "step"
FAULTS: Final = ("crash", "term")
EVENTS: Final = (*FAULTS, "exit")
LIVES: Final = ("start", "replace", "stop", "status", "peek")
LONGEST_TURN: Final = 10_000

_TURN = re.compile(r"([A-Z])([1-9][0-9]*)")
_EVENT = re.compile(rf"({'|'.join((*EVENTS, *LIVES))})-([A-Z])")


class Move(NamedTuple):
    """The smallest part of a schedule: one step of a process, or one event that concerns it."""

    kind: str
    letter: str

    def __str__(self) -> str:
        return f"{self.letter}1" if self.kind == STEP else f"{self.kind}-{self.letter}"


class ScheduleMismatch(ValueError):
    """A schedule that cannot be read, or that asks for a move which is not possible."""


def parse_schedule(text: str) -> list[Move]:
    """The moves of a schedule. Raises ScheduleMismatch on the first word that is none."""
    moves: list[Move] = []
    for word in text.split():
        if (turn := _TURN.fullmatch(word)) and int(turn[2]) <= LONGEST_TURN:
            moves += [Move(STEP, turn[1])] * int(turn[2])
        elif event := _EVENT.fullmatch(word):
            moves.append(Move(event[1], event[2]))
        else:
            raise ScheduleMismatch(
                f"{word!r} is no turn or event: a schedule is words like A3 (three steps of A), "
                f"{', '.join(f'{event}-A' for event in EVENTS)}, {', '.join(f'{life}-B' for life in LIVES)}"
            )
    if not moves:
        raise ScheduleMismatch('the schedule is empty: it needs at least one turn, such as "A3 B5"')
    return moves


def format_schedule(moves: Iterable[Move]) -> str:
    """The text of some moves, with adjacent steps of a process merged into one turn."""
    words = []
    for move, run in groupby(moves):
        count = len(list(run))
        words += [f"{move.letter}{count}"] if move.kind == STEP else [str(move)] * count
    return " ".join(words)


def count_switches(moves: Iterable[Move]) -> int:
    """How often another process goes on than the one that moved last."""
    letters = [letter for letter, _ in groupby(move.letter for move in moves if move.kind == STEP)]
    return max(0, len(letters) - 1)
