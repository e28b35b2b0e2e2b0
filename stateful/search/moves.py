"""The moves that the exhaustive search follows from a state, except faults.

What a process can do next depends on the shared state and on its own, so it is found out once per pair.
"""

from __future__ import annotations

from typing import Final

from stateful.model.families import recoveries
from stateful.model.lifecycle import OWNER
from stateful.model.schedule import EXIT, LETTERS, STEP, Move
from stateful.search.memory import Memory
from stateful.search.partial_order_reduction import PartialOrderReduction
from stateful.search.power_losses import PowerLosses
from stateful.search.predecessors import Node
from stateful.search.search_state import State
from stateful.search.state_world import StateWorld

LONGEST_HISTORY: Final = 250  # answers; a process that gets more is not followed to its end

_NOTHING: Final = ""
_TOO_LONG: Final = "too long"
_INVISIBLE: Final = "invisible step"
_WAITS: Final = "waits"
_STOPPED: Final = "is stopped"


class Moves:
    """Finds the moves of a state.

    Attributes:
        cut_short: whether a process was met since it was last set to False that is not followed any more.
        all_wait: whether in the last state processes lived, and each waited until another does something.

    Args:
        reduction: finds the invisible steps, which do not branch; None if all steps branch.
    """

    def __init__(self, memory: Memory, reduction: PartialOrderReduction | None) -> None:
        self.cut_short = False
        self.all_wait = False
        self._memory = memory
        self._reduction = reduction
        self._recoveries: dict[int, list[Move]] = {}  # by shared state
        self._own: dict[tuple[int, int], str] = {}  # by shared and local state
        self._steps = [Move(STEP, letter) for letter in LETTERS]

    def of(self, node: Node) -> tuple[list[Move], str | None]:
        """All moves; or a single invisible step, with the letter of its process."""
        shared, locals_ = node.state
        moves = self._recovers(node.state)[:]
        can_move = bool(moves)
        waits = self.all_wait = False
        for index, local in enumerate(locals_):
            can = self._own.get((shared, local))
            if can is None:
                can = self._own[shared, local] = self._find_out(node.state, index)
            waits = waits or can == _WAITS
            can_move = can_move or can not in (_NOTHING, _WAITS)
            if can in (STEP, _WAITS):
                moves.append(self._steps[index])
            elif can == _INVISIBLE:
                return [self._steps[index]], LETTERS[index]
            elif can == EXIT and node.exits:
                moves.append(Move(EXIT, LETTERS[index]))
            elif can == _TOO_LONG:
                self.cut_short = True
        self.all_wait = waits and not can_move
        return moves, None

    def _recovers(self, state: State) -> list[Move]:
        moves = self._recoveries.get(state.shared)
        if moves is None:
            world = StateWorld(self._memory, state, PowerLosses())
            moves = self._recoveries[state.shared] = recoveries(world)
        return moves

    def _find_out(self, state: State, index: int) -> str:
        """What a process can do by itself."""
        memory, local = self._memory, state.locals[index]
        if memory.has_not_started(local):
            return STEP
        view = memory.view(local)
        if view.outcome is not None:
            return _NOTHING
        entry = memory.entry(state, view.letter)
        if entry.stopped:
            return _STOPPED
        if view.phase == OWNER and not entry.signals:
            return EXIT
        if memory.behaviour.length(memory.local(local).history) >= LONGEST_HISTORY:
            return _TOO_LONG
        if self._memory.effect(state, self._steps[index]) is None:
            return _WAITS
        reduced = self._reduction and self._reduction.is_invisible(state, self._steps[index])
        return _INVISIBLE if reduced else STEP
