"""Random faults and exits: draws what happens next in an execution from what may happen now.

What may happen is enumerated in one place for the exhaustive search too: ``stateful.model.families``.
Sampling draws one of these moves; for some faults it also draws the details, from more than the search tries.
"""

from __future__ import annotations

from random import Random
from typing import Final

from stateful.model.families import FAMILIES, fault_moves, is_decidable, widened
from stateful.model.schedule import EXIT, Move
from stateful.run.execution import Execution
from stateful.run.presence import ExecutionWorld, exitable

Moves = tuple[Move, ...]  # they happen together; empty if nothing of the family may happen now

EVENTS: Final = (EXIT, *FAMILIES)  # an exit is not a fault, but drawn at random like one


def draw_next(execution: Execution, plan: list[str], random: Random) -> Moves:
    """The moves of the first family of a plan that may happen now; removes it from the plan."""
    for number, family in enumerate(plan):
        moves = draw(family, execution, random)
        if moves:
            del plan[number]
            return moves
    return ()


def draw(family: str, execution: Execution, random: Random) -> Moves:
    """An exit or a fault of a family; preceded by a kill if the fault needs a dead process."""
    world = ExecutionWorld(execution)
    if family == EXIT:
        return _one_of([(Move(EXIT, letter),) for letter in exitable(execution)], random)
    if FAMILIES[family].is_of_calls:
        return _failing_call(family, world, random)
    moves: list[Moves] = [(move,) for move in fault_moves(family, world)]
    at_once = _at_once(family, execution, world)
    if at_once and random.random() < 0.5:
        moves = at_once
    return tuple(widened(move, random) for move in _one_of(moves, random))


def _failing_call(family: str, world: ExecutionWorld, random: Random) -> Moves:
    """A fault of the next call of a process, perhaps its first; each process is equally likely."""
    callers = world.callers()
    while callers:
        letter = random.choice(callers)
        moves = fault_moves(family, world, letter)
        if moves:
            return (random.choice(moves),)
        callers.remove(letter)
    return ()


def _at_once(family: str, execution: Execution, world: ExecutionWorld) -> list[Moves]:
    """Faults of processes that are killed right before; not in a later boot, see ``ExecutionWorld.ended``."""
    before = FAMILIES[family].at_once
    if not before or execution.kernel.boots > 1:
        return []
    moves = [Move(fault.name, letter) for letter in world.living() for fault in FAMILIES[family].faults]
    return [(Move(before, move.letter), move) for move in moves if is_decidable(move, world)]


def _one_of(moves: list[Moves], random: Random) -> Moves:
    return random.choice(moves) if moves else ()
