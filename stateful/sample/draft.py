"""A draft: the plan of a random execution. Drafts grow while nothing new is found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from random import Random
from typing import Final, NamedTuple

from stateful.model.families import FAMILIES, TAMPERING
from stateful.model.faults import POWER_LOSS
from stateful.model.scenario import Scenario
from stateful.model.schedule import EXIT, LETTERS
from stateful.model.standard import OPEN_ENDED, SCENARIOS, SEARCHED_BY_NAME
from stateful.sample.acts import KINDS

NARROWEST: Final = 2
WIDEST: Final = 8
MOST_PROCESSES: Final = 8
STEPS_OF_A_LIFE: Final = 1.5  # as a multiple of the steps that a start takes until it owns
CONTENDER: Final = "start"


class PlannedEvent(NamedTuple):
    """When an exit or a fault happens, and its family.

    Attributes:
        step: the step before which it happens.
        owned: whether steps are counted from when a process owned, and not from the beginning.
        call: it happens before the next call of this kind from then on, one of ``acts``; empty for at once.
    """

    family: str
    step: int = 0
    owned: bool = False
    call: str = ""


class Draft(NamedTuple):
    """The plan of an execution.

    Attributes:
        lives: the lives of the processes besides the scenario's own.
        events: the exits and faults, in this order.
        steps: the expected number of steps, from which the times of events are drawn.
        cut: the number of steps after which the execution ends; None to run until all processes rest.
    """

    scenario: Scenario
    lives: tuple[str, ...]
    events: tuple[PlannedEvent, ...]
    steps: int
    cut: int | None

    @property
    def processes(self) -> int:
        return len(self.scenario.cast.lives) + len(self.lives)

    @property
    def newcomers(self) -> list[str]:
        """A scheduler's names for the processes besides the scenario's own; they have no letter yet."""
        return [f"{life} {number}" for number, life in enumerate(self.lives, 1)]

    @property
    def names(self) -> list[str]:
        """A scheduler's names for all processes."""
        return [*LETTERS[: len(self.scenario.cast.lives)], *self.newcomers]

    def __str__(self) -> str:
        lives = " and ".join(["", *self.lives])
        events = ", ".join(event.family for event in self.events)
        return f"{self.scenario.name}{lives}{events and f'; {events}'}"


def draw_draft(
    random: Random, offered: Sequence[str], width: int, steps_of_a_start: int, *, tampering: bool = False
) -> Draft:
    """A draft with up to ``width`` processes and faults, on any disk.

    Some drafts use open-ended scenarios; most use a scenario of the search, with its own processes, its odd
    machine and its plan of faults. Besides starts, a draft has only some kinds of lives, and mostly few
    faults: each life or fault excuses some later behaviour, so that with many of them no invariant would
    apply any more (swarm testing, Groce et al., 2012).

    Args:
        tampering: whether files may be removed and corrupted, which many correct protocols do not promise to
            survive.
    """
    scenario = random.choice(OPEN_ENDED)
    searched = _searched(tuple(offered), tampering).get(scenario.disk.name)
    least = 2
    if searched and _chance(random, 70):
        scenario = random.choice(searched)
        least = 0
    cast = scenario.cast
    number = random.randint(least, max(least, width - len(cast.lives))) if _chance(random, 60) else least
    number = min(number, MOST_PROCESSES - len(cast.lives))
    kinds = [life for life in offered if _chance(random, 50)] or [CONTENDER]
    lives = tuple(CONTENDER if _chance(random, 50) else random.choice(kinds) for _ in range(number))
    steps = round(STEPS_OF_A_LIFE * steps_of_a_start * (len(cast.lives) + number))
    plan = [*scenario.plan, *_more_faults(random, scenario, width, tampering)]
    if _chance(random, 50 if cast.exits else 30):
        plan.insert(random.randint(0, len(plan)), EXIT)
    cut = random.randrange(steps) if _chance(random, 30) else None
    return Draft(scenario, lives, tuple(_events(random, plan, steps)), steps, cut)


def _chance(random: Random, percent: int) -> bool:
    """True with this probability; drawn as an integer, because Hypothesis prefers some fractions."""
    return random.randrange(100) < percent


def _events(random: Random, plan: Sequence[str], steps: int) -> Iterator[PlannedEvent]:
    """When the families of a plan happen, in its order; some directly after the one before.

    Many faults have no effect before a process owns, or while no process is about to act.
    """
    moments = sorted(random.randrange(steps) for _ in plan)
    for number, (family, step) in enumerate(zip(plan, moments, strict=True)):
        kind = random.randrange(4 if number else 3)
        if kind == 0:
            yield PlannedEvent(family, step)
        elif kind == 1:
            yield PlannedEvent(family, random.choice((0, step // 4)), owned=True)
        elif kind == 2:
            yield PlannedEvent(family, call=random.choice(KINDS))
        else:
            yield PlannedEvent(family)


def _more_faults(random: Random, scenario: Scenario, width: int, tampering: bool) -> list[str]:
    """The families of a few random faults."""
    number = random.randint(0, width // 2) if _chance(random, 60) else 0
    families = [
        family
        for family in FAMILIES
        if (tampering or family not in TAMPERING) and (scenario.loses_power or family != POWER_LOSS)
    ]
    return ["kill" if _chance(random, 20) else random.choice(families) for _ in range(number)]


@lru_cache
def _searched(offered: tuple[str, ...], tampering: bool) -> dict[str, list[Scenario]]:
    """The scenarios of the search whose lives the subject offers, by disk."""
    found: dict[str, list[Scenario]] = {}
    for scenario in (*SCENARIOS, *SEARCHED_BY_NAME):
        if {*scenario.cast.lives} <= {*offered} and (tampering or not TAMPERING & {*scenario.plan}):
            found.setdefault(scenario.disk.name, []).append(scenario)
    return found
