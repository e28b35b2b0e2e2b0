"""One part of the search of a cast on a disk; the other parts may run on other machines.

Each part visits every state without a fault; these are few compared with the states after a fault. The
first faults are dealt out among the parts by kind: which fault happens to which process at which point of
its life. The first kind goes to the first part, the second to the second. A part searches everything that
follows one of its faults.

The parts need not communicate, since each finds the same kinds in the same order. They overlap little: a
process that got EIO keeps that answer in its history for the rest of its life. Once the process has ended,
its history is dropped, and several parts reach the same states; these are recognised by their digests. If the
states themselves were dealt out, every part would visit nearly all of them, since most states lead to most
of the later ones.

Not dealt out: power losses, and executions without any fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from stateful.model.schedule import LETTERS, Move
from stateful.search.digest import Digests, joined
from stateful.search.fault_plan import FaultPlan
from stateful.search.predecessors import Node


class Part(NamedTuple):
    """One of several parts of a search, counted from 1."""

    number: int
    of: int


WHOLE: Final = Part(1, 1)


class Seen(NamedTuple):
    """What a part has visited, as digests, so that states visited by several parts are counted once.

    Attributes:
        states: every state that was reached.
        faults: every fault that was tried, together with its state; by family.
        basis: what dealing depends on: the states without a fault, in their order, and the reductions.
            Parts that differ in this are not parts of one search.
    """

    states: frozenset[bytes]
    faults: Mapping[str, frozenset[bytes]]
    basis: bytes


class Deal:
    """Deals out the faults that may happen first."""

    def __init__(self, part: Part, role: Callable[[int], bytes]) -> None:
        self._part = part
        self._role = role  # of a local state: the same for all interchangeable processes
        self._kinds: dict[tuple[str, str, bytes], int] = {}

    def is_mine(self, node: Node, move: Move) -> bool:
        """Whether a fault belongs to the part; must be called for every fault, in the order of the search."""
        role = self._role(node.state.locals[LETTERS.index(move.letter)]) if move.letter else b""
        number = self._kinds.setdefault((move.kind, move.detail, role), len(self._kinds))
        return number % self._part.of == self._part.number - 1


def seen(plan: FaultPlan, digests: Digests, reductions: Iterable[str]) -> Seen:
    """What was visited with a plan of faults and the plans that it extends."""
    faults: dict[str, frozenset[bytes]] = {}
    each = plan
    while each.earlier is not None:
        tried = frozenset(digests.move(node, move) for node, move in each.tried)
        faults[each.families[-1]] = faults.get(each.families[-1], frozenset()) | tried
        each = each.earlier
    basis = joined(*(name.encode() for name in reductions), *map(digests.node, each.predecessors.nodes()))
    return Seen(frozenset(map(digests.node, plan.predecessors.nodes())), faults, basis)
