"""The predecessor of each state that the exhaustive search has reached, from which schedules are rebuilt."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from stateful.model.schedule import LETTERS, STEP, Move
from stateful.search.search_state import State
from stateful.search.symmetry import Exchange


class Node(NamedTuple):
    """A canonical state, and how many owners may still be asked to exit."""

    state: State
    exits: int


class Origin(NamedTuple):
    """How a node was first reached: its predecessor, the move, and the exchange after it."""

    node: Node | None
    move: Move
    exchange: Exchange


class Predecessors:
    """Every node reached with this plan of faults or an earlier one, and a shortest path to it."""

    def __init__(self, earlier: Predecessors | None = None) -> None:
        self._came: dict[Node, Origin] = {}
        self._by_plan: list[dict[Node, Origin]] = [*(earlier._by_plan if earlier else ()), self._came]

    def __len__(self) -> int:
        return sum(map(len, self._by_plan))

    def __contains__(self, node: Node) -> bool:
        return any(node in reached for reached in self._by_plan)

    def nodes(self) -> Iterator[Node]:
        """Every node."""
        return chain.from_iterable(self._by_plan)

    def some(self, every: int) -> list[Node]:
        """Every n-th node that is new with this plan of faults, counted back from the last one."""
        return list(self._came)[::-every]

    def add(self, node: Node, came: tuple[Node, Move] | None, exchange: Exchange) -> None:
        """Note a new node, and the node and the move that led to it; None for the first node."""
        origin, move = came or (None, Move(STEP, "A"))
        self._came[node] = Origin(origin, move, exchange)

    def _origin(self, node: Node) -> Origin:
        return next(reached[node] for reached in reversed(self._by_plan) if node in reached)

    def moves(self, node: Node, more: list[Move]) -> list[Move]:
        """The moves that first led to a node, and some more, with the letters of the first state."""
        origins = []
        origin = self._origin(node)
        while origin.node is not None:
            origins.append(origin)
            origin = self._origin(origin.node)
        names = list(range(len(node.state.locals)))  # what each canonical position is called
        moves = []
        for origin in reversed(origins):
            moves.append(_renamed(origin.move, names))
            was = list(names)
            for old, new in enumerate(origin.exchange):
                names[new] = was[old]
        return moves + [_renamed(move, names) for move in more]


def _renamed(move: Move, names: list[int]) -> Move:
    if not move.letter:
        return move
    index = LETTERS.index(move.letter)
    return move._replace(letter=LETTERS[names[index]]) if index < len(names) else move
