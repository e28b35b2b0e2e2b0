"""The scenarios of a verification, one row each, for the page and the job summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from stateful.model.chronicle import count_respawns
from stateful.report.text import count
from stateful.search.result import HOLDS, NOT_APPLICABLE, NOT_OFFERED, Result
from stateful.verification.verification import Verification


class Score(NamedTuple):
    """The result of one scenario.

    Attributes:
        size: the number of states, or of respawns.
        note: what is violated, or why the verdict is unknown.
    """

    name: str
    title: str
    verdict: str
    size: str
    note: str


def scores(found: Verification) -> tuple[list[Score], list[Score]]:
    """The scenarios that need attention, and those that hold or are not offered."""
    told = [_score(result) for result in found.results]
    quiet = (HOLDS, NOT_APPLICABLE, NOT_OFFERED)
    return [s for s in told if s.verdict not in quiet], [s for s in told if s.verdict in quiet]


def head_of_quiet(quiet: Sequence[Score]) -> str:
    """How many of the quiet scenarios hold, and how many are left out."""
    numbers = Counter(score.verdict for score in quiet)
    holding = numbers.pop(HOLDS, 0)
    parts = [f"{count(holding, 'scenario')} {'holds' if holding == 1 else 'hold'}"] * bool(holding)
    parts += [f"{count(number, 'scenario')} {verdict}" for verdict, number in numbers.items()]
    return ", ".join(parts)


def _score(result: Result) -> Score:
    size = count_respawns(result.chronicle.respawns) if result.chronicle else count(result.states, "state")
    notes = [*result.violations] or [*result.missing] or [result.needs, result.reason, *result.unreached]
    note = ", ".join(filter(None, notes))
    scenario = result.scenario
    return Score(scenario.name, scenario.title, result.verdict, "" if result.is_left_out else size, note)
