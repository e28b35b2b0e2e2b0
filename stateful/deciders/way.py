"""How the exhaustive search came to each state that it knows, so that a schedule leads there again."""

from __future__ import annotations

from typing import NamedTuple

from stateful.deciders.memory import State
from stateful.deciders.symmetry import Exchange
from stateful.execution import LETTERS
from stateful.schedule import STEP, Move


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
    """Every node that was reached, and a shortest way to it."""

    def __init__(self) -> None:
        self._came: dict[Node, Origin] = {}

    def __len__(self) -> int:
        return len(self._came)

    def __contains__(self, node: Node) -> bool:
        return node in self._came

    def add(self, node: Node, came: tuple[Node, Move] | None, exchange: Exchange) -> None:
        """Note a new node, and the node and move it was reached by; None for the first one."""
        origin, move = came or (None, Move(STEP, "A"))
        self._came[node] = Origin(origin, move, exchange, self.depth(origin) + 1 if origin else 0)

    def depth(self, node: Node) -> int:
        """How many moves lead to a node."""
        return self._came[node].depth

    def moves(self, node: Node, more: list[Move]) -> list[Move]:
        """The moves that first led to a node, and some more, in terms of the first state's letters."""
        origins = []
        origin = self._came[node]
        while origin.node is not None:
            origins.append(origin)
            origin = self._came[origin.node]
        names = list(range(len(node.state.locals)))  # what each canonical position is called
        moves = []
        for origin in reversed(origins):
            moves.append(_renamed(origin.move, names))
            was = list(names)
            for old, new in enumerate(origin.exchange):
                names[new] = was[old]
        return moves + [_renamed(move, names) for move in more]


def _renamed(move: Move, names: list[int]) -> Move:
    index = LETTERS.index(move.letter)
    return move._replace(letter=LETTERS[names[index]]) if index < len(names) else move
