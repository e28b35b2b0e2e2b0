"""Asks the questions of the exhaustive search of the last state of a drawn execution.

Each question lets one fresh process run alone; the invariants check what it does. The questions are asked one
after another, so the changes of one remain for the next. The processes that a question does not spare are
killed before it: those that do not own, and before the last questions the owner too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from stateful.model.faults import DISK_WELL
from stateful.model.life import plain
from stateful.model.questions import Question, questions_of
from stateful.model.schedule import STEP, Move
from stateful.run.execution import Execution
from stateful.run.presence import living, owners, serves, stopped

Make = Callable[[Move], bool]

LONGEST_TURN: Final = 200  # steps
FIRST: Final = Move(DISK_WELL)
QUERIES: Final = ("status", "peek")


def ask_last_questions(execution: Execution, lives: Collection[str], make: Make) -> None:
    """Ask the questions about the owner; then kill every process and ask whether a start succeeds.

    Args:
        lives: the lives that a process may be given.
        make: makes a move; returns whether it was possible. It may raise to end everything.
    """
    make(FIRST)
    for question in _questions(execution, lives):
        if question.spared and question in _questions(
            execution, lives
        ):  # the one before may have changed this
            _kill(execution, question.spared, make)
            _live(execution, question.life, make)
    _kill(execution, (), make)
    for question in _questions(execution, lives):
        _live(execution, question.life, make)


def _questions(execution: Execution, lives: Collection[str]) -> list[Question]:
    """The questions that apply now, queries first; if there are several owners, none about them."""
    owning = owners(execution)
    one = owning if len(owning) == 1 else []
    questions = questions_of(lives, one, stopped=bool(one) and one == stopped(execution), disk_fails=False)
    return sorted(questions, key=lambda question: plain(question.life) not in QUERIES)


def _kill(execution: Execution, spared: Collection[str], make: Make) -> None:
    """Kill every process but the spared ones."""
    for letter in living(execution):
        if letter not in spared:
            make(Move("crash", letter))


def before_questions(moves: Sequence[Move]) -> list[Move]:
    """The moves before the last questions; all moves if these were not asked."""
    asked = [at for at, move in enumerate(moves) if move == FIRST]
    return list(moves[: asked[-1]] if asked else moves)


def _live(execution: Execution, life: str, make: Make) -> None:
    letter = execution.next_letter()
    if not make(Move(life, letter)):
        return
    process = execution.processes()[letter]
    for _ in range(LONGEST_TURN):
        if not process.alive or serves(process) or not make(Move(STEP, letter)):
            return
