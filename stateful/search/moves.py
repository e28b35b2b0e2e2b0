"""The moves that the exhaustive search follows from a state, except faults.

What a process can do next depends on the shared state and on its own, so it is found out once per pair.
"""

from __future__ import annotations

from math import inf
from typing import Final

from stateful.model.families import recoveries
from stateful.model.lifecycle import OWNER
from stateful.model.schedule import EXIT, LETTERS, STEP, Move
from stateful.model.syscalls import SILENT
from stateful.run.polling import Loop, is_repeated, seen_by_others
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
_POLLS: Final = "polls"
_COUNTS: Final = "polls and counts"
_STOPPED: Final = "is stopped"


class Moves:
    """Finds the moves of a state.

    Attributes:
        cut_short: whether a process was met since it was last set to False that is not followed any more.
        waiting: the processes that wait in the last state, each with how many steps show that it polls.
        all_wait: whether these are all live processes, and nothing else can happen but faults.

    Args:
        reduction: finds the invisible steps, which do not branch; None if all steps branch.
    """

    def __init__(self, memory: Memory, reduction: PartialOrderReduction | None) -> None:
        self.cut_short = False
        self.all_wait = False
        self.waiting: dict[str, int] = {}
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
        self.all_wait = False
        self.waiting = {}
        for index, local in enumerate(locals_):
            can = self._own.get((shared, local))
            if can is None:
                can = self._own[shared, local] = self._find_out(node.state, index)
            can_move = can_move or can not in (_NOTHING, _WAITS, _POLLS, _COUNTS)
            if can == STEP:
                moves.append(self._steps[index])
            elif can in (_WAITS, _POLLS, _COUNTS):
                self.waiting[LETTERS[index]] = 0 if can == _WAITS else self._poll_steps(local)
                if can == _COUNTS:
                    moves.append(self._steps[index])
            elif can == _INVISIBLE:
                return [self._steps[index]], LETTERS[index]
            elif can == EXIT and node.exits:
                moves.append(Move(EXIT, LETTERS[index]))
            elif can == _TOO_LONG:
                self.cut_short = True
        self.all_wait = bool(self.waiting) and not can_move
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
        loop = self._find_loop(state, index)
        if loop is not None and loop.rounds == inf:
            return _COUNTS if loop.counts else _POLLS
        reduced = self._reduction and self._reduction.is_invisible(state, self._steps[index])
        return _INVISIBLE if reduced else STEP

    # -- polling: see ``stateful.run.polling`` ------------------------------------------------------------

    def _find_loop(self, state: State, index: int) -> Loop | None:
        """The loop in which a process polls, if it would get the same answers now; None if it does not."""
        behaviour, local = self._memory.behaviour, self._memory.local(state.locals[index])
        key = (local.letter, local.life, local.history)
        length = behaviour.round_length(*key)
        return behaviour.loop(*key) if length and self._repeats(state, index, length) else None

    def _repeats(self, state: State, index: int, length: int) -> bool:
        """Whether a process alone would repeat its last calls now, and change nothing by it."""
        memory, before = self._memory, self._memory.local(state.locals[index])
        behaviour, was = memory.behaviour, seen_by_others(memory.shared_state(state.shared))
        local = before
        while behaviour.length(local.history) < behaviour.length(before.history) + length:
            effect = memory.effect(state, self._steps[index])
            if effect is None:
                return False
            state = effect.after
            local = memory.local(state.locals[index])
            if local.outcome is not None:
                return False
        again = behaviour.length(local.history) == behaviour.length(before.history) + length
        calls = behaviour.calls(local.letter, local.life, local.history, 2 * length)
        same = is_repeated(calls[:length], calls[length:])
        return again and same and seen_by_others(memory.shared_state(state.shared)) == was

    def _poll_steps(self, local: int) -> int:
        """How many steps a process makes in a round."""
        behaviour, value = self._memory.behaviour, self._memory.local(local)
        length = behaviour.round_length(value.letter, value.life, value.history)
        calls = behaviour.calls(value.letter, value.life, value.history, length)
        return sum(each.call.name not in SILENT for each in calls)
