"""Mutates a kept schedule: turns are exchanged, split, left out or added, and the result is executed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from random import Random
from typing import Final

from stateful.model.scenario import Scenario
from stateful.model.schedule import LIVES, STEP, Move
from stateful.model.trace import Trace
from stateful.protocol.subject import Subject
from stateful.run.execution import Execution
from stateful.sample.last_questions import ask_last_questions
from stateful.sample.walk import Observe, observed

MOST_CHANGES: Final = 3
LONGEST_TURN_STEPS: Final = 12


def vary(random: Random, moves: Sequence[Move]) -> list[Move]:
    """A schedule that differs from the given one in a few turns."""
    turns = [list(run) for _, run in groupby(moves)]
    for _ in range(random.randint(1, MOST_CHANGES)):
        at = random.randrange(len(turns))
        change = random.choice((_exchange, _split, _leave_out, _add))
        change(random, turns, at)
        if not turns:
            return list(moves)
    return [move for turn in turns for move in turn]


def _exchange(random: Random, turns: list[list[Move]], at: int) -> None:
    other = random.randrange(len(turns))
    turns[at], turns[other] = turns[other], turns[at]


def _split(random: Random, turns: list[list[Move]], at: int) -> None:
    """Move the end of a turn to a random later place."""
    size = random.randint(0, len(turns[at]))
    rest, turns[at] = turns[at][size:], turns[at][:size]
    turns.insert(random.randint(at + 1, len(turns)), rest)
    turns[:] = [turn for turn in turns if turn]


def _leave_out(random: Random, turns: list[list[Move]], at: int) -> None:
    del turns[at]


def _add(random: Random, turns: list[list[Move]], at: int) -> None:
    """Insert some more steps of the turn's process, or its kill, at a random place."""
    letter = turns[at][0].letter
    if not letter:
        return
    more = [Move(STEP, letter)] * random.randint(1, LONGEST_TURN_STEPS)
    turns.insert(random.randint(0, len(turns)), more if random.random() < 0.8 else [Move("crash", letter)])


def execute(
    subject: Subject, offered: Sequence[str], scenario: Scenario, moves: Sequence[Move], observe: Observe
) -> Trace:
    """Execute the moves of a schedule that are possible, then ask the last questions; return the trace.

    If the schedule starts processes in another order, each gets the next free letter, and its moves follow.
    """
    with Execution(subject, scenario) as execution:
        make = observed(execution, observe)
        names: dict[str, str] = {}
        for move in moves:
            if move.kind in LIVES and move.letter not in names:
                names[move.letter] = execution.next_letter()
            renamed = move._replace(letter=names.get(move.letter, move.letter))
            if execution.possible(renamed):
                make(renamed)
        if execution.violation is None:
            ask_last_questions(execution, offered, make)
        return execution.trace
