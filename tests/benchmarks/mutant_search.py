"""Searches the mutants: which invariant catches each, where, after how many steps and seconds."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario
from stateful.protocol.built_in import broken_by
from stateful.protocol.mutant_table import MUTANTS
from stateful.protocol.subject import find_subject
from stateful.search.supervised import supervise
from tests.benchmarks.simulated_speed import SearchCost, measure_search

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stateful.search.result import Result

PLAY_S: Final = 60.0


def search_mutant(name: str) -> Result:
    """Search the scenario in which a mutant is caught, or play the scenario where it is about supervisors."""
    scenario = find_scenario(MUTANTS[name].scenario)
    if scenario.cast.supervision is not None:
        return supervise(find_subject(name), scenario, time.perf_counter() + PLAY_S)
    return measure_search(find_subject(name), [scenario], SearchCost())[-1]


def length(name: str) -> str:
    """How many steps and faults the shortest schedule has; ``-`` where the clock decides."""
    schedule = MUTANTS[name].schedule
    if not schedule:
        return "-"
    moves = parse_schedule(schedule)
    steps = sum(move.steps for move in moves)
    faults = sum(move.is_fault for move in moves)
    return f"{steps}" + (f" + {faults}" if faults else "")


def mutant_lines(names: Iterable[str] = tuple(MUTANTS)) -> Iterator[str]:
    """The table: each invariant, and below it the mutants that it catches."""
    yield "The mutants, each in its smallest scenario; in a length, faults come after the +"
    yield f"  {'':<34}{'scenario':<44}{'length':>7}{'states':>6}{'sec.':>6}"
    by_invariant: dict[str, list[str]] = {}
    for name in names:
        by_invariant.setdefault(broken_by(name), []).append(name)
    for invariant, mutants in by_invariant.items():
        yield f"  {invariant}:"
        for name in mutants:
            started = time.perf_counter()
            result = search_mutant(name)
            seconds = time.perf_counter() - started
            verdict = "" if invariant in result.violations else "  MISSED"
            scenario = MUTANTS[name].scenario
            yield f"  {name:<34}{scenario:<44}{length(name):>7}{result.states:>6,}{seconds:>6.1f}{verdict}"
