"""Random schedulers: which of the ready processes makes the next step. Each is a function of its seed.

Which scheduler finds a bug soonest depends on the bug, so they form a portfolio: the uniform walk for bugs
that many orders show, the other two for bugs that need one rare order among many steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final, Protocol

from stateful.sample.draft import Draft

Rivals = Callable[[], Sequence[str]]

# The members of the portfolio. A campaign takes another one, and another seed, for each slice.
UNIFORM, POS, NEIGHBOUR, MACHINE = "uniform", "pos", "neighbour", "hypothesis"
PCT_DEPTHS: Final = {"pct-3": 3, "pct-4": 4, "pct-6": 6}
SCHEDULERS: Final = (UNIFORM, *PCT_DEPTHS, POS)
MEMBERS: Final = (UNIFORM, "pct-3", POS, MACHINE, "pct-4", NEIGHBOUR, "pct-6")


class Scheduler(Protocol):
    """Chooses the process that makes the next step."""

    def choose(self, ready: Sequence[str]) -> str:
        """One of the processes that can make a step."""

    def stepped(self, name: str, yields: bool, rivals: Rivals) -> None:
        """Take note of a step.

        Args:
            yields: whether the step lets other processes go first, such as a wait between two looks. Under
                strict priorities the process would look again and again, and no other would ever run.
            rivals: the processes that are about to make a call that conflicts with the step.
        """


class UniformWalk:
    """Each process is equally likely at each step."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def choose(self, ready: Sequence[str]) -> str:
        return self._random.choice(ready)

    def stepped(self, name: str, yields: bool, rivals: Rivals) -> None:
        """Ignore the step."""


class Pct:
    """Probabilistic concurrency testing (Burckhardt et al., 2010): random priorities, and a few changes.

    The process with the highest priority runs, except that at ``depth - 1`` steps, drawn beforehand, the
    process about to move drops below all others. A bug that needs ``depth`` orderings shows with a
    probability of at least ``1 / (processes * steps ** (depth - 1))``: see ``pct_bound``.
    """

    def __init__(self, random: Random, processes: Sequence[str], steps: int, depth: int) -> None:
        order = random.sample(list(processes), len(processes))
        self._priority = {name: float(number) for number, name in enumerate(order)}
        self._changes = sorted(random.randrange(steps) for _ in range(depth - 1))
        self._made = 0
        self._lowest = 0.0

    def choose(self, ready: Sequence[str]) -> str:
        while self._changes and self._changes[0] <= self._made:
            self._changes.pop(0)
            self._lower(max(ready, key=self._priority.__getitem__))
        return max(ready, key=self._priority.__getitem__)

    def stepped(self, name: str, yields: bool, rivals: Rivals) -> None:
        self._made += 1
        if yields:
            self._lower(name)

    def _lower(self, name: str) -> None:
        self._lowest -= 1
        self._priority[name] = self._lowest


class Pos:
    """Partial order sampling (Yuan et al., 2018): a random priority for each call that is about to be made.

    The call with the highest priority is made. Then its process and every process that is about to make a
    conflicting call draw new priorities, so that each order of conflicting calls is about equally likely.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._priority: dict[str, float] = {}

    def choose(self, ready: Sequence[str]) -> str:
        for name in ready:
            if name not in self._priority:
                self._priority[name] = self._random.random()
        return max(ready, key=self._priority.__getitem__)

    def stepped(self, name: str, yields: bool, rivals: Rivals) -> None:
        for other in (name, *rivals()):
            self._priority.pop(other, None)


def scheduler_of(member: str, draft: Draft, random: Random) -> Scheduler:
    """The scheduler of a portfolio member, for an execution of a draft."""
    if member == POS:
        return Pos(random)
    if member in PCT_DEPTHS:
        return Pct(random, draft.names, draft.steps, PCT_DEPTHS[member])
    return UniformWalk(random)


def pct_bound(processes: int, steps: int, depth: int) -> float:
    """The minimum probability that one PCT run shows a bug of this depth."""
    return 1 / (processes * float(max(1, steps)) ** (depth - 1))
