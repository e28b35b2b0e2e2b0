"""Executions close to a kept one: its schedule with turns exchanged, split, left out or added."""

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
    """A schedule that differs from another one in a few turns."""
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
    """Put the end of a turn anywhere later."""
    size = random.randint(0, len(turns[at]))
    rest, turns[at] = turns[at][size:], turns[at][:size]
    turns.insert(random.randint(at + 1, len(turns)), rest)
    turns[:] = [turn for turn in turns if turn]


def _leave_out(random: Random, turns: list[list[Move]], at: int) -> None:
    del turns[at]


def _add(random: Random, turns: list[list[Move]], at: int) -> None:
    """Let somebody make some more steps, or kill who is in that turn."""
    letter = turns[at][0].letter
    if not letter:
        return
    more = [Move(STEP, letter)] * random.randint(1, LONGEST_TURN_STEPS)
    turns.insert(random.randint(0, len(turns)), more if random.random() < 0.8 else [Move("crash", letter)])


def execute(
    subject: Subject, offered: Sequence[str], scenario: Scenario, moves: Sequence[Move], observe: Observe
) -> Trace:
    """The trace of those moves of a schedule that can be made, of everybody then, and the last questions.

    Processes that were started in another order are so again, under the letter whose turn it is.
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
