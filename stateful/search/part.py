"""A part of the search of a cast on a disk, whose other parts may be gone through elsewhere.

A part has every state without a fault; these are few beside those with one. The faults that may happen
first are dealt out among the parts, by what happens to whom at which point of its life: the first kind to the
first part, the second to the second. Whatever comes after such a fault is searched by its part.

That needs no word between the parts, since each meets the same kinds in the same order. And they have little
in common: who was told EIO will have been told it for the rest of its life. Where it has ended, that is
forgotten, and several parts meet the same states, which are told by their digests. Were the states themselves
dealt out, every part would go through nearly all of them, since most lead to most of the later ones.

Not dealt out: power losses, and what happens without any fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from stateful.model.schedule import LETTERS, Move
from stateful.search.digest import Digests, joined
from stateful.search.fault_plan import Layer
from stateful.search.predecessors import Node


class Part(NamedTuple):
    """One of several parts of a search, counted from 1."""

    number: int
    of: int


WHOLE: Final = Part(1, 1)


class Seen(NamedTuple):
    """What a part has gone through, by digests, so that what several have gone through is counted once.

    Attributes:
        states: every state that was reached.
        faults: every fault that was tried, with the state in which it was; by family.
        basis: what the deal rests on: the states without a fault, in their order, and how they were reduced.
            Parts with another basis are not parts of one search.
    """

    states: frozenset[bytes]
    faults: Mapping[str, frozenset[bytes]]
    basis: bytes


class Deal:
    """Deals out the faults that may happen first."""

    def __init__(self, part: Part, role: Callable[[int], bytes]) -> None:
        self._part = part
        self._role = role  # of a local state: the same for all who are interchangeable
        self._kinds: dict[tuple[str, str, bytes], int] = {}

    def is_mine(self, node: Node, move: Move) -> bool:
        """Whether a fault belongs to the part; to be asked of each, in the order of the search."""
        whom = self._role(node.state.locals[LETTERS.index(move.letter)]) if move.letter else b""
        number = self._kinds.setdefault((move.kind, move.detail, whom), len(self._kinds))
        return number % self._part.of == self._part.number - 1


def seen(layer: Layer, digests: Digests, reductions: Iterable[str]) -> Seen:
    """What was gone through up to a layer."""
    faults: dict[str, frozenset[bytes]] = {}
    each = layer
    while each.earlier is not None:
        tried = frozenset(digests.move(node, move) for node, move in each.tried)
        faults[each.plan[-1]] = faults.get(each.plan[-1], frozenset()) | tried
        each = each.earlier
    basis = joined(*(way.encode() for way in reductions), *map(digests.node, each.ways.nodes()))
    return Seen(frozenset(map(digests.node, layer.ways.nodes())), faults, basis)
