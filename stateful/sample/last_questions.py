"""The questions of the exhaustive search, asked of the last state of an execution that was drawn.

Each lets one fresh process live alone: what it breaks, the invariants say. They are asked one after another,
so that what one of them changes is there for the next; the last one kills everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from random import Random
from typing import Final

from stateful.model.faults import DISK_WELL
from stateful.model.moment import LONGEST_LIFE_STEPS
from stateful.model.schedule import STEP, Move
from stateful.run.execution import Execution
from stateful.run.presence import living, owners, serves, stopped

Make = Callable[[Move], bool]

FIRST: Final = Move(DISK_WELL)
LIVES_BESIDE_OWNER: Final = ("status", "peek", "start", "replace")


def ask_last_questions(execution: Execution, lives: Collection[str], make: Make) -> None:
    """The questions about the owner, and: can all start again, after a kill of everybody?"""
    _ask_about_owner(execution, lives, make)
    for letter in living(execution):
        make(Move("crash", letter))
    if "status" in lives:
        _live(execution, "status", make)
    _live(execution, "start", make)


def ask_any_question(execution: Execution, lives: Collection[str], make: Make, random: Random) -> None:
    """One of them, drawn: a quarter of the processes, for short executions."""
    make(FIRST)
    life = random.choice([*_about_owner(execution, lives), None])
    if life is None:
        for letter in living(execution):
            make(Move("crash", letter))
    _live(execution, life or "start", make)


def _ask_about_owner(execution: Execution, lives: Collection[str], make: Make) -> None:
    """Is the owner found, is a further start kept out, could a stopped one be replaced?

    Args:
        lives: those that a process may be given.
        make: makes a move; whether it was possible. It ends everything by an exception where it wants to.
    """
    make(FIRST)
    for life in LIVES_BESIDE_OWNER:
        if life in _about_owner(execution, lives):
            _live(execution, life, make)


def _about_owner(execution: Execution, lives: Collection[str]) -> list[str]:
    """The lives that a fresh process may have beside the only owner; only one that is stopped is replaced."""
    if len(owners(execution)) != 1:
        return []
    asking = LIVES_BESIDE_OWNER if owners(execution) == stopped(execution) else LIVES_BESIDE_OWNER[:-1]
    return [life for life in asking if life in lives]


def before_questions(moves: Sequence[Move]) -> list[Move]:
    """The moves up to where the last questions were asked; all of them where they were not."""
    asked = [at for at, move in enumerate(moves) if move == FIRST]
    return list(moves[: asked[-1]] if asked else moves)


def _live(execution: Execution, life: str, make: Make) -> None:
    letter = execution.next_letter()
    if not make(Move(life, letter)):
        return
    process = execution.processes()[letter]
    for _ in range(LONGEST_LIFE_STEPS):
        if not process.alive or serves(process) or not make(Move(STEP, letter)):
            return
