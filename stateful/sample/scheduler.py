"""Random schedulers: who makes the next step, of those that can. Each is a function of its seed.

Which one finds a bug soonest depends on the bug, so they go as a portfolio: the uniform walk on what happens
in many orders, the two others on what takes one rare order among many steps.
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
    """Chooses who goes next."""

    def choose(self, ready: Sequence[str]) -> str:
        """One of those that can make a step."""

    def stepped(self, who: str, yields: bool, rivals: Rivals) -> None:
        """Hear that somebody has made a step.

        Args:
            yields: whether that was a call by which it lets others go first, such as a wait between two
                looks. Under strict priorities it would look again and again, and nobody else would ever run.
            rivals: who is about to make a call that conflicts with it.
        """


class UniformWalk:
    """Everybody is as likely at each step."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def choose(self, ready: Sequence[str]) -> str:
        return self._random.choice(ready)

    def stepped(self, who: str, yields: bool, rivals: Rivals) -> None:
        """Nothing follows from it."""


class Pct:
    """Probabilistic concurrency testing (Burckhardt et al., 2010): random priorities, and a few changes.

    Who has the highest priority goes, and goes on, but that at ``depth - 1`` steps, drawn beforehand, who is
    about to move falls below all others. A bug that takes ``depth`` orderings shows with a probability of at
    least ``1 / (processes * steps ** (depth - 1))``: see ``pct_bound``.
    """

    def __init__(self, random: Random, processes: Sequence[str], steps: int, depth: int) -> None:
        order = random.sample(list(processes), len(processes))
        self._priority = {who: float(number) for number, who in enumerate(order)}
        self._changes = sorted(random.randrange(steps) for _ in range(depth - 1))
        self._made = 0
        self._lowest = 0.0

    def choose(self, ready: Sequence[str]) -> str:
        while self._changes and self._changes[0] <= self._made:
            self._changes.pop(0)
            self._lower(max(ready, key=self._priority.__getitem__))
        return max(ready, key=self._priority.__getitem__)

    def stepped(self, who: str, yields: bool, rivals: Rivals) -> None:
        self._made += 1
        if yields:
            self._lower(who)

    def _lower(self, who: str) -> None:
        self._lowest -= 1
        self._priority[who] = self._lowest


class Pos:
    """Partial order sampling (Yuan et al., 2018): a random priority for each call that is about to be made.

    The highest goes. Then its process, and all who are about to make a call that conflicts with the one that
    was made, draw anew: so that each order of conflicting calls is about as likely.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._priority: dict[str, float] = {}

    def choose(self, ready: Sequence[str]) -> str:
        for who in ready:
            if who not in self._priority:
                self._priority[who] = self._random.random()
        return max(ready, key=self._priority.__getitem__)

    def stepped(self, who: str, yields: bool, rivals: Rivals) -> None:
        for other in (who, *rivals()):
            self._priority.pop(other, None)


def scheduler_of(member: str, draft: Draft, random: Random) -> Scheduler:
    """The scheduler of a member, for an execution of a draft."""
    if member == POS:
        return Pos(random)
    if member in PCT_DEPTHS:
        return Pct(random, draft.names, draft.steps, PCT_DEPTHS[member])
    return UniformWalk(random)


def pct_bound(processes: int, steps: int, depth: int) -> float:
    """The least probability with which one run of PCT shows a bug of a depth."""
    return 1 / (processes * float(max(1, steps)) ** (depth - 1))
