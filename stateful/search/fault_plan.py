"""A layer of the exhaustive search: the states that take the faults of one plan, in their order."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from stateful.kernel.persistence import MOST_IMAGES
from stateful.model.families import Plan
from stateful.model.faults import WRITEBACK
from stateful.model.goals import GOALS_OF_FAULTS
from stateful.model.scenario import NOTHING
from stateful.model.schedule import Move
from stateful.model.trace import Trace
from stateful.search.power_losses import PowerLosses
from stateful.search.predecessors import Node, Ways

LONGEST_HISTORY: Final = 250  # answers; a process that needs more is not followed to its end


class Place(NamedTuple):
    """A node from which a fault may lead into a next layer.

    Attributes:
        letter: the process that makes a step there which nobody else sees: only a fault of that step counts.
    """

    node: Node
    letter: str | None = None


class Layer:
    """What has been found with the faults of a plan, that of the layers before it included.

    Attributes:
        places: where the next fault may happen, in the order of their depth.
        missing: the goals, of those that any scenario of the cast has, that have not been reached.
        broken: for a referee, the way to the first violation of each invariant, whatever it breaks before.
        masked: traces of an invariant that were of no use because another is broken before it.
        faults: how many faults were tried, by family.
        tried: the faults of this layer alone, where the search is one of several parts.
        power: what its power losses have shown.
    """

    def __init__(self, goals: frozenset[str], plan: Plan = NOTHING, earlier: Layer | None = None) -> None:
        self.plan = plan
        self.earlier = earlier
        self.places: list[Place] = []
        self.ways: Ways = Ways(earlier.ways if earlier else None)
        self.violations: dict[str, Trace] = dict(earlier.violations) if earlier else {}
        self.broken: dict[str, list[Move]] = dict(earlier.broken) if earlier else {}
        self.missing: set[str] = {*earlier.missing, *(goals & GOALS_OF_FAULTS)} if earlier else set(goals)
        self.masked: Counter[str] = Counter(earlier.masked) if earlier else Counter()
        self.faults: Counter[str] = Counter(earlier.faults) if earlier else Counter()
        self.tried: list[tuple[Node, Move]] = []
        self.power = PowerLosses()
        self.cut_short: bool = bool(earlier and earlier.cut_short)
        self.finished: bool = not earlier or earlier.finished
        self.calls: int = earlier.calls if earlier else 0
        self.seconds: float = earlier.seconds if earlier else 0.0
        self._started = time.perf_counter()
        self._before = (self.calls, self.seconds)

    def measure(self, calls: int) -> None:
        """Note how long the layer has taken, and how many calls it has made, both with those before it."""
        self.calls = self._before[0] + calls
        self.seconds = self._before[1] + time.perf_counter() - self._started

    def why_unknown(self, unreached: Sequence[str]) -> str:
        """Why nothing is said to hold, whatever was found; empty where the layer was searched to its end."""
        if not self.finished:
            return "the time was spent"
        if self.cut_short:
            return f"a process takes more than {LONGEST_HISTORY} calls; have it try less often"
        if self.power.cut_short:
            return f"a power loss leaves more than {MOST_IMAGES[WRITEBACK]:,} images"
        return f"never reached: {', '.join(unreached)}" if unreached else ""


def families_after(plan: Plan, plans: Iterable[Plan]) -> list[str]:
    """The families of faults with which some of the plans go on from one."""
    longer = (other for other in plans if len(other) > len(plan) and other[: len(plan)] == plan)
    return list(dict.fromkeys(other[len(plan)] for other in longer))
