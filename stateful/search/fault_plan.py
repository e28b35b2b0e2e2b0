"""A plan of faults in the exhaustive search: the states that are reached with these faults, in this order."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from stateful.kernel.persistence import MOST_IMAGES
from stateful.model.families import FAMILIES, Plan
from stateful.model.faults import WRITEBACK
from stateful.model.goals import GOALS_OF_FAULTS
from stateful.model.scenario import NOTHING
from stateful.model.schedule import Move
from stateful.model.trace import Trace
from stateful.search.moves import LONGEST_HISTORY
from stateful.search.power_losses import PowerLosses
from stateful.search.predecessors import Node, Predecessors


class FaultPoint(NamedTuple):
    """A node at which the next fault of a longer plan may happen.

    Attributes:
        depth: how many moves lead there.
        letter: the process that makes an invisible step there: only a fault of that step counts.
    """

    node: Node
    depth: int
    letter: str | None = None


class FaultPlan:
    """What was found with the faults of a plan, including the shorter plans that it extends.

    Attributes:
        families: the families of the faults, in their order.
        earlier: the plan without the last fault; None for the plan without faults.
        points: where the next fault may happen, by depth.
        missing: the goals of the cast's scenarios that have not been reached.
        broken: for a referee, the moves to the first violation of each invariant, even if they break
            another invariant earlier.
        masked: how many traces of an invariant were useless because they break another invariant earlier.
        faults: how many faults were tried, by family.
        tried: the faults of this plan alone, if the search is one of several parts.
        power: what the power losses have shown.
    """

    def __init__(self, goals: frozenset[str], plan: Plan = NOTHING, earlier: FaultPlan | None = None) -> None:
        self.families = plan
        self.earlier = earlier
        self.points: list[FaultPoint] = []
        self.predecessors: Predecessors = Predecessors(earlier.predecessors if earlier else None)
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
        """Note the time and the number of calls so far, including those of the earlier plans."""
        self.calls = self._before[0] + calls
        self.seconds = self._before[1] + time.perf_counter() - self._started

    def needs(self) -> str:
        """What the subject never did, so that the last fault of the plan was never possible."""
        last = self.families[-1] if self.families else ""
        return FAMILIES[last].needs if last and not self.faults[last] else ""

    def why_unknown(self, unreached: Sequence[str]) -> str:
        """Why the verdict cannot be "holds"; empty if the plan was searched to its end."""
        if not self.finished:
            return "the time was spent"
        if self.cut_short:
            return f"a process takes more than {LONGEST_HISTORY} calls; have it try less often"
        if self.power.cut_short:
            return f"a power loss leaves more than {MOST_IMAGES[WRITEBACK]:,} images"
        return f"never reached: {', '.join(unreached)}" if unreached else ""


def families_after(plan: Plan, plans: Iterable[Plan]) -> list[str]:
    """The families of faults by which some of the plans extend a given one."""
    longer = (other for other in plans if len(other) > len(plan) and other[: len(plan)] == plan)
    return list(dict.fromkeys(other[len(plan)] for other in longer))
