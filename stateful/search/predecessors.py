"""How the exhaustive search came to each state that it knows, so that a schedule leads there again."""

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
    """How a node was reached first: from where, by which move, after which exchange, how deep."""

    node: Node | None
    move: Move
    exchange: Exchange
    depth: int


class Ways:
    """Every node that was reached, in this layer or an earlier one, and a shortest way to it."""

    def __init__(self, earlier: Ways | None = None) -> None:
        self._came: dict[Node, Origin] = {}
        self._layers: list[dict[Node, Origin]] = [*(earlier._layers if earlier else ()), self._came]

    def __len__(self) -> int:
        return sum(map(len, self._layers))

    def __contains__(self, node: Node) -> bool:
        return any(node in layer for layer in self._layers)

    def nodes(self) -> Iterator[Node]:
        """Every node."""
        return chain.from_iterable(self._layers)

    def some(self, every: int) -> list[Node]:
        """One node of so many that were new in this layer, the last one among them."""
        return list(self._came)[::-every]

    def add(self, node: Node, came: tuple[Node, Move] | None, exchange: Exchange) -> None:
        """Note a new node, and the node and move it was reached by; None for the first one."""
        origin, move = came or (None, Move(STEP, "A"))
        self._came[node] = Origin(origin, move, exchange, self.depth(origin) + 1 if origin else 0)

    def depth(self, node: Node) -> int:
        """How many moves lead to a node."""
        return self._origin(node).depth

    def _origin(self, node: Node) -> Origin:
        return next(layer[node] for layer in reversed(self._layers) if node in layer)

    def moves(self, node: Node, more: list[Move]) -> list[Move]:
        """The moves that first led to a node, and some more, in terms of the first state's letters."""
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
