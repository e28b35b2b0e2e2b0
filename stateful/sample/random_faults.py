"""What happens in an execution, drawn from what may happen now: faults by their families, and exits.

What may happen is enumerated once, for the exhaustive search too: see ``stateful.model.families``. Sampling
draws one of these moves, and of some faults how it happens, of many more than the search tries.
"""

from __future__ import annotations

from random import Random
from typing import Final

from stateful.model.families import FAMILIES, fault_moves, is_decidable, widened
from stateful.model.schedule import EXIT, Move
from stateful.run.execution import Execution
from stateful.run.presence import ExecutionWorld, exitable

Moves = tuple[Move, ...]  # which happen at once; none: nothing of the kind may happen now

EVENTS: Final = (EXIT, *FAMILIES)  # an exit is no fault, but it comes as unforeseen


def draw_next(execution: Execution, plan: list[str], random: Random) -> Moves:
    """What happens next of a plan, the first that may happen now; it is struck off."""
    for number, family in enumerate(plan):
        moves = draw(family, execution, random)
        if moves:
            del plan[number]
            return moves
    return ()


def draw(family: str, execution: Execution, random: Random) -> Moves:
    """An exit, or a fault of a family; with the kill right before it, where it needs a process to be dead."""
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
    """The next call of a process fails, which may be its first: any process as likely as any other."""
    callers = world.callers()
    while callers:
        letter = random.choice(callers)
        moves = fault_moves(family, world, letter)
        if moves:
            return (random.choice(moves),)
        callers.remove(letter)
    return ()


def _at_once(family: str, execution: Execution, world: ExecutionWorld) -> list[Moves]:
    """Faults of processes that end at the same moment; not in a later boot, see ``ExecutionWorld.ended``."""
    before = FAMILIES[family].at_once
    if not before or execution.kernel.boots > 1:
        return []
    moves = [Move(fault.name, letter) for letter in world.living() for fault in FAMILIES[family].faults]
    return [(Move(before, move.letter), move) for move in moves if is_decidable(move, world)]


def _one_of(moves: list[Moves], random: Random) -> Moves:
    return random.choice(moves) if moves else ()
