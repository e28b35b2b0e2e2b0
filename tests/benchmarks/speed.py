"""Measures how fast the harness is on this machine, in one run, and prints the figures.

Measured: the search, scenario by scenario; steps per second of the search and of the Hypothesis
machine; a step beside the same call without a simulated kernel; the alternative to a search, real
processes that are raced against each other; real processes that play one schedule; the search of each
mutant; and how soon a campaign finds each historical mistake and each mutant.

Not measured: the start of the interpreter, and searches on several cores at once.
"""

from __future__ import annotations

import os
import platform
from statistics import median
from typing import TYPE_CHECKING, Final

from stateful.kernel.temporary import SHARED_MEMORY, temporary_folder
from stateful.model.families import Plan
from stateful.model.scenario import KILL, NOTHING, Cast, faults_of_plan
from stateful.model.standard import CASTS, SCENARIOS
from stateful.protocol.mutant_table import MUTANTS, UNDER_SUPERVISORS
from stateful.protocol.subject import Subject, find_subject
from tests.benchmarks.campaign_speed import first_lines, measure_firsts
from tests.benchmarks.confirm_speed import confirm_lines, play
from tests.benchmarks.mutant_search import mutant_lines
from tests.benchmarks.real_races import RaceCount, race_pairs
from tests.benchmarks.real_starts import python_beside, time_starts
from tests.benchmarks.simulated_speed import (
    MachineCost,
    SearchCost,
    StepCost,
    add_pairs,
    measure_machine,
    measure_search,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

    from stateful.search.result import Result

DISK: Final = "stale"
# Three starts of the reference with two kills would take half of the whole time.
PLANS: Final = (NOTHING, KILL)
PAIRS: Final = 8  # before the search of each cast, so that the pairs are spread over the whole run
EXAMPLES: Final = 200
RACE_S: Final = 5.0
CONFIRM_S: Final = 3.0
SEEDS: Final = 10
MISTAKES: Final = ("foreign-guard", "direct-unlink", "guarded-lock", "unlinked-lock")
RACED: Final = "direct-unlink"
RACED_IN: Final = "two-starts-stale"
CAUGHT: Final = tuple(MUTANTS)


def measure_speed() -> None:
    """Measure and print everything; this takes a quarter of an hour, most of it for the campaigns."""
    subjects = [find_subject(RACED), find_subject("reference")]
    _print([_where(), ""])
    searches, costs = [SearchCost() for _ in subjects], [StepCost() for _ in subjects]
    _print(_search_head(subjects))
    with python_beside(time_starts) as bare:
        for cast in CASTS:
            _print(measure_cast(cast, PLANS, PAIRS, bare, subjects, searches, costs))
    _print(["", *rate_lines(searches[-1], measure_machine(subjects[-1], EXAMPLES))])
    _print(["", *step_lines(subjects, searches, costs)])
    found = next(result for result in searches[0].results if result.scenario.name == RACED_IN)
    _print(["", *race_lines(race_pairs(subjects[0], RACE_S), found)])
    _print(["", *confirm_lines(RACED, play(subjects[0], CONFIRM_S))])
    _print([""])
    _print(mutant_lines(CAUGHT))
    names = (name for name in (*MISTAKES, *CAUGHT) if name not in UNDER_SUPERVISORS)
    _print([""])
    _print(first_lines(measure_firsts(find_subject(name), SEEDS) for name in names))


def _print(lines: Sequence[str] | Iterator[str]) -> None:
    for line in lines:
        print(line, flush=True)


def _where() -> str:
    memory = "in memory" if temporary_folder() == SHARED_MEMORY else "on disk"
    return (
        f"Python {platform.python_version()} on {platform.system()}, {os.cpu_count()} cores, "
        f"temporary files {memory}; all but the race uses one core."
    )


# -- the search -------------------------------------------------------------------------------------------


def _search_head(subjects: Sequence[Subject]) -> list[str]:
    return [
        "Exhaustive search on a stale record (a line with a kill includes the one above it)",
        f"  {'scenario':<26}" + "".join(f"{subject.name:>26}" for subject in subjects),
        f"  {'':<26}" + f"{'states':>17}{'seconds':>9}" * len(subjects),
    ]


def measure_cast(
    cast: Cast,
    plans: Sequence[Plan],
    pairs: int,
    bare: Connection,
    subjects: Sequence[Subject],
    searches: Sequence[SearchCost],
    costs: Sequence[StepCost],
) -> Iterator[str]:
    """A line for each plan of faults; adds to the totals and to the pairs of the step costs."""
    scenarios = [
        scenario
        for scenario in SCENARIOS
        if scenario.cast is cast and scenario.disk.name == DISK and scenario.plan in plans
    ]
    columns = []
    for subject, total, cost in zip(subjects, searches, costs, strict=True):
        add_pairs(subject, pairs, cost, bare)
        columns.append(measure_search(subject, scenarios, total))
    for scenario, row in zip(scenarios, zip(*columns, strict=True), strict=True):
        title = ", ".join([cast.name, *faults_of_plan(scenario.plan)])
        cells = "".join(f"{result.states:>17,}{result.seconds:>9.2f}" for result in row)
        yield f"  {title:<26}{cells}"


# -- rates and costs --------------------------------------------------------------------------------------


def rate_lines(searched: SearchCost, machines: MachineCost) -> list[str]:
    """Steps per second of the search and of the machine."""
    share = 100 * searched.calls / searched.steps
    return [
        "Steps per second, reference",
        f"  exhaustive search   {searched.steps / searched.seconds:>8,.0f}  {searched.steps:,} steps to "
        f"{searched.states:,} states in {searched.seconds:.1f} s,",
        f"{'':30}  {share:.1f} % of them made for real, the others remembered",
        f"  Hypothesis machine  {machines.steps / machines.seconds:>8,.0f}  {machines.steps:,} steps of "
        f"{machines.machines:,} machines in {machines.seconds:.1f} s,",
        f"{'':30}  all made for real, each machine on a fresh kernel",
    ]


def step_lines(
    subjects: Sequence[Subject], searches: Sequence[SearchCost], costs: Sequence[StepCost]
) -> list[str]:
    """What one step costs beside the same call without a kernel."""
    bare = [median(cost.bare) for cost in costs]
    searched = [total.processor_s / total.steps for total in searches]
    rows = {
        "bare: the same code, without the harness": [(seconds, 1.0) for seconds in bare],
        "executed: in replay and in the machine": [(median(cost.simulated), cost.ratio) for cost in costs],
        "searched: all work of the search, shared out": [
            (seconds, seconds / beside) for seconds, beside in zip(searched, bare, strict=True)
        ],
    }
    return [
        "One step of a start, in microseconds and in multiples of bare",
        f"  {'':<46}" + "".join(f"{subject.name:>22}" for subject in subjects),
        *(
            f"  {title:<46}" + "".join(f"{seconds * 1e6:>14.1f}{times:>6.1f} x" for seconds, times in cells)
            for title, cells in rows.items()
        ),
        f"  Bare and executed: medians of {len(costs[0].bare)} pairs, taken between the searches; "
        "executed begins when",
        "  the code is imported. Searched: the processor time of all that the search does.",
    ]


# -- the race ---------------------------------------------------------------------------------------------


def race_lines(race: RaceCount, found: Result) -> list[str]:
    """How often a race of real processes finds two owners, beside what the search needs to find them."""
    trace = found.violations.get("at_most_one_owner")
    length = f"two owners after {trace.length} steps" if trace else "never two owners"
    return [
        f"The alternative: two real processes start {RACED} on a stale record at once",
        f"  real processes   {race.tries:,} tries in {race.seconds:.1f} s, "
        f"{race.tries / race.seconds:,.0f} per second; two owners in {race.double_owners:,} of them "
        f"({100 * race.double_owners / race.tries:.1f} %)",
        f"  the search       all {found.states:,} states in {found.seconds:.2f} s; {length} at the earliest",
    ]
