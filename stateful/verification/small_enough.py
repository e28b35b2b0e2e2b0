"""Which of the scenarios beyond the standard ones are small enough, for a subject, to search by default.

How many states a scenario has depends on the subject: three starts and a fault are a thousand states of one
protocol, and a million of another. So it is measured: each is estimated from the states of one that has a
fault or a process less, and the smallest are searched as long as all together stay below a limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from stateful.model.families import TAMPERING
from stateful.model.scenario import Scenario
from stateful.model.standard import SEARCHED_BY_NAME
from stateful.search.result import Result

MOST_STATES: Final = 50_000  # in all, as estimated
GROWTH: Final = 10  # how many times as many states one more fault or process is taken to make

ON_DEMAND: Final = tuple(each for each in SEARCHED_BY_NAME if not TAMPERING & {*each.plan})


def small_enough(results: Sequence[Result]) -> list[Scenario]:
    """The scenarios to search beside those that have these results, in the order of ``SEARCHED_BY_NAME``."""
    measured = {
        (result.scenario.cast.name, result.scenario.disk.name, result.scenario.plan): result.states
        for result in reversed(results)
        if result.exhaustive
    }
    sizes = {scenario: _estimate(scenario, measured) for scenario in ON_DEMAND}
    chosen, total = set(), 0
    for size, number in sorted((size, number) for number, size in enumerate(sizes.values()) if size):
        total += size
        if total > MOST_STATES:
            break
        chosen.add(ON_DEMAND[number])
    return [scenario for scenario in ON_DEMAND if scenario in chosen]


def _estimate(scenario: Scenario, measured: Mapping[tuple[str, str, tuple[str, ...]], int]) -> int:
    """About how many states a scenario has; 0 if nothing like it was measured."""
    for length in reversed(range(len(scenario.plan) + 1)):
        steps = len(scenario.plan) - length
        for cast in (scenario.cast.name, scenario.cast.wider_than):
            by_disk = {
                disk: states
                for (name, disk, plan), states in measured.items()
                if (name, plan) == (cast, scenario.plan[:length])
            }
            if by_disk:
                steps += cast != scenario.cast.name
                return by_disk.get(scenario.disk.name, max(by_disk.values())) * int(GROWTH**steps)
    return 0
