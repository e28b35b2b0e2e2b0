"""A draft: what a random execution is to be, before anybody moves. The longer nothing is new, the wider.

Left out: faults by which somebody else lays hands on the files, which many a right protocol has never
promised to survive (``stateful.scenario.MEDDLING``), and power losses in scenarios that do not keep track of
what one would leave.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from random import Random
from typing import Final, NamedTuple

from stateful.deciders.chance import FAMILIES
from stateful.scenario import MEDDLING, OPEN_ENDED, POWER_LOSS, SCENARIOS, SEARCHED_BY_NAME, Scenario

NARROWEST: Final = 2
WIDEST: Final = 8
MOST_PROCESSES: Final = 8
STEPS_OF_A_LIFE: Final = 1.5  # in those that a start takes until it owns
CONTENDER: Final = "start"


class Draft(NamedTuple):
    """What an execution is to be.

    Attributes:
        lives: of the processes beside those of the scenario.
        strikes: before which step a fault happens, and of which family.
        exits: how many owners are asked to exit, once nobody else has anything to do.
        steps: how many are expected; nothing ends before these are made, unless nobody can move.
        cut: after how many steps the last questions are asked; None for when everybody rests.
    """

    scenario: Scenario
    lives: tuple[str, ...]
    strikes: tuple[tuple[int, str], ...]
    exits: int
    steps: int
    cut: int | None

    @property
    def processes(self) -> int:
        return len(self.scenario.cast.lives) + len(self.lives)


def draw_draft(random: Random, offered: Sequence[str], width: int, steps_of_a_start: int) -> Draft:
    """A draft of up to ``width`` processes and faults.

    Half of them are open-ended scenarios; the others begin as a scenario of the search does, which brings
    its own processes, its odd machine and its plan of faults.
    """
    if random.random() < 0.5:
        scenario = random.choice(OPEN_ENDED)
        number = random.randint(2, max(2, width))
    else:
        scenario = random.choice(_searched(tuple(offered)))
        number = random.randint(0, max(0, width - len(scenario.cast.lives)))
    number = min(number, MOST_PROCESSES - len(scenario.cast.lives))
    lives = tuple(CONTENDER if random.random() < 0.5 else random.choice(offered) for _ in range(number))
    steps = round(STEPS_OF_A_LIFE * steps_of_a_start * (len(scenario.cast.lives) + number))
    plan = [*scenario.plan, *_more_faults(random, scenario, width)]
    strikes = sorted((random.randrange(steps), family) for family in plan)
    exits = scenario.cast.exits + (random.random() < 0.3)
    cut = random.randrange(steps) if random.random() < 0.5 else None
    return Draft(scenario, lives, tuple(strikes), exits, steps, cut)


def _more_faults(random: Random, scenario: Scenario, width: int) -> list[str]:
    """The families of some faults; more often none than many, since each hides what comes after it."""
    number = random.randint(0, width // 2) if random.random() < 0.6 else 0
    families = [
        family
        for family in FAMILIES
        if family not in MEDDLING and (scenario.loses_power or family != POWER_LOSS[0])
    ]
    return ["kill" if random.random() < 0.3 else random.choice(families) for _ in range(number)]


@lru_cache
def _searched(offered: tuple[str, ...]) -> list[Scenario]:
    """The scenarios of the search whose lives a subject offers."""
    return [
        scenario
        for scenario in (*SCENARIOS, *SEARCHED_BY_NAME)
        if {*scenario.cast.lives} <= {*offered} and not MEDDLING & {*scenario.plan}
    ]
