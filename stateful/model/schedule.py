"""A schedule: the order in which processes move, and what the world does in between, as text.

``A3 B5 crash-A B2`` lets A take 3 steps and B 5, kills A, and lets B take 2. Other words are

- ``exit-A`` (its ``serve`` returns) and the faults of one process: ``crash-A`` (SIGKILL), ``term-A``
  (SIGTERM), ``sigstop-A``, ``sigcont-A``; ``term-in-A`` and ``int-in-A``, A's next call being made, and its
  handler of that signal running before the call returns; ``raise-A``, its ``serve`` raising an exception;
  ``enospc-A`` and the like, its next call failing with that errno; ``short-A``, its next write writing half;
- ``start-B``, ``replace-B``, ``stop-B``, ``status-B``, ``peek-B``: a new process, B, with that life;
  ``other-start-B`` and so on: one that runs the other subject, where there are two in one home;
- the faults of the machine: ``recycle-99``, ``clock+60``, ``remove-gateway.lock``,
  ``corrupt-gateway.pid=torn``, ``power-loss-writeback-3`` and so on.

The rows of ``faults`` say how each fault is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Final, NamedTuple

from stateful.model.faults import CALL_FAULTS, FAULTS, INTERRUPTIONS, MACHINE_FAULTS, SERVE_FAULTS, SIGNALS
from stateful.model.life import LIVES as OWN_LIVES
from stateful.model.life import OTHER_LIVES
from stateful.model.machine import LETTERS as LETTERS

STEP: Final = "step"
EXIT: Final = "exit"  # no fault: the serve of an owner returns
ENDS_OF_SERVE: Final = (EXIT, *SERVE_FAULTS)
EVENTS: Final = (*SIGNALS, *ENDS_OF_SERVE)
LIVES: Final = (*OWN_LIVES, *OTHER_LIVES)
LONGEST_TURN: Final = 10_000

_TURN = re.compile(r"([A-Z])([1-9][0-9]*)")
_EVENT = re.compile(rf"({'|'.join((EXIT, *LIVES))})-([A-Z])")
_FAULT = re.compile(rf"({'|'.join(sorted(FAULTS, key=len, reverse=True))})(.*)", re.DOTALL)


class Move(NamedTuple):
    """The smallest part of a schedule: one step of a process, an event that concerns it, or a fault.

    Attributes:
        letter: the process; empty where a fault concerns none.
        detail: the rest of a fault of the machine, as it is written after its name and letter.
    """

    kind: str
    letter: str = ""
    detail: str = ""

    @property
    def steps(self) -> bool:
        """Whether a process makes a call with this move, or tries to."""
        return self.kind == STEP or self.kind in CALL_FAULTS or self.kind in INTERRUPTIONS

    @property
    def is_fault(self) -> bool:
        """Whether this is something that the world does to the processes."""
        return self.kind in FAULTS

    def __str__(self) -> str:
        if self.kind == STEP:
            return f"{self.letter}1"
        if self.kind in FAULTS:
            return f"{self.kind}{FAULTS[self.kind].joint}{self.letter}{self.detail}"
        return f"{self.kind}-{self.letter}"


class ScheduleMismatch(ValueError):
    """A schedule that cannot be read, or that asks for an impossible move.

    Attributes:
        why: the reason alone, without the moves before it and the moves that would be possible.
    """

    def __init__(self, message: str, why: str | None = None) -> None:
        super().__init__(message)
        self.why = why or message


def parse_schedule(text: str) -> list[Move]:
    """The moves of a schedule. Raises ScheduleMismatch on the first word that is no move."""
    moves: list[Move] = []
    for word in text.split():
        if (turn := _TURN.fullmatch(word)) and int(turn[2]) <= LONGEST_TURN:
            moves += [Move(STEP, turn[1])] * int(turn[2])
        elif event := _EVENT.fullmatch(word):
            moves.append(Move(event[1], event[2]))
        elif fault := _fault(word):
            moves.append(fault)
        else:
            raise ScheduleMismatch(
                f"{word!r} is no turn or event: a schedule is words like A3 (three steps of A), "
                f"{', '.join(f'{event}-A' for event in EVENTS)}, "
                f"{', '.join(f'{life}-B' for life in (*OWN_LIVES, OTHER_LIVES[0]))}, "
                f"{', '.join(FAULTS[name].written for name in (CALL_FAULTS[0], *MACHINE_FAULTS))}"
            )
    if not moves:
        raise ScheduleMismatch('the schedule is empty: it needs at least one turn, such as "A3 B5"')
    return moves


def _fault(word: str) -> Move | None:
    """The fault that a word means."""
    match = _FAULT.fullmatch(word)
    if match is None:
        return None
    fault, rest = FAULTS[match[1]], match[2]
    if not rest.startswith(fault.joint):
        return None
    said = re.fullmatch(fault.detail, rest.removeprefix(fault.joint))
    if said is None:
        return None
    letter = said.groupdict().get("letter") or ""
    return Move(match[1], letter, "" if letter else said[0])


def format_schedule(moves: Iterable[Move]) -> str:
    """The text of some moves, with adjacent steps of a process merged into one turn."""
    words = []
    for move, run in groupby(moves):
        count = len(list(run))
        words += [f"{move.letter}{count}"] if move.kind == STEP else [str(move)] * count
    return " ".join(words)


def count_switches(moves: Iterable[Move]) -> int:
    """How often a step is made by another process than the step before it."""
    letters = [letter for letter, _ in groupby(move.letter for move in moves if move.steps)]
    return max(0, len(letters) - 1)
