"""What a verdict was asked of, and what not: nothing is summed up that was not tried together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from stateful.model.families import TAMPERING
from stateful.model.scenario import Scenario, count_faults, faults_of_plan
from stateful.model.standard import SEARCHED_BY_NAME, UPSETS
from stateful.report.text import count
from stateful.search.result import Result
from stateful.verification.verification import Verification

# What no scenario asks.
NEVER: Final = (
    "more faults together than these; what would run in a subject while it owns; "
    "another order of a set of texts in another process; a cleaner of temporary folders; a /tmp of "
    "each container's own"
)


def scope(verification: Verification, begun: Sequence[Result]) -> Iterator[tuple[str, list[str]]]:
    """The points of a summary that say what was asked: a label and its texts."""
    total = sum(not result.scenario.cast.supervision for result in verification.offered)
    done = sum(result.exhaustive for result in begun)
    how = "searched exhaustively" if done == total else f"{done} of them searched exhaustively"
    took = f" in {verification.seconds:.1f} s" if verification.seconds else ""
    yield "scope", [f"{count(total, 'scenario')}, {how}", f"{verification.states:,} states{took}"]
    for casts, faults in _by_faults([result.scenario for result in begun if result.exhaustive]).items():
        yield "asked", [f"{casts}: {faults}"]
    yield "not asked", _not_asked(verification, begun)


def _by_faults(scenarios: Sequence[Scenario]) -> dict[str, str]:
    """The casts that met the same faults, and these."""
    plans: dict[str, list[tuple[str, ...]]] = {}
    for scenario in scenarios:
        plans.setdefault(scenario.cast.title, []).append(scenario.plan)
    every = [plan for plan in UPSETS if any(plan in met for met in plans.values())]
    groups: dict[str, list[str]] = {}
    for title, met in plans.items():
        groups.setdefault(_faults(met, every), []).append(title)
    return {"; ".join(titles): faults for faults, titles in groups.items()}


def _faults(met: Sequence[tuple[str, ...]], every: Sequence[tuple[str, ...]]) -> str:
    """The faults of some plans, one plan at a time."""
    said = [count_faults(number, "kill") for number in (1, 2) if ("kill",) * number in met]
    others = [plan for plan in every if plan in met]
    left_out = [plan for plan in every if plan not in met]
    if len(others) > len(left_out):
        but = f" but {_either(map(_plan, left_out))}" if left_out else ""
        said.append(f"any other fault{but}")
    else:
        said += map(_plan, others)
    return _either(said) if said else "no fault"


def _plan(plan: tuple[str, ...]) -> str:
    return " then ".join(faults_of_plan(plan))


def _either(parts: Iterable[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} or {last}" if first else last


def _not_asked(verification: Verification, begun: Sequence[Result]) -> list[str]:
    """What was not asked, in a few words."""
    asked = {result.scenario for result in begun}
    lives = set(verification.offer.lives)
    left = [each for each in SEARCHED_BY_NAME if each not in asked and lives.issuperset(each.cast.lives)]
    tampering = sum(bool(TAMPERING & {*each.plan}) for each in left)
    words = {"tampering with files": tampering, "what has more states": len(left) - tampering}
    return [f"{what} ({count(number, 'scenario')} by name)" for what, number in words.items() if number] + [
        NEVER
    ]
