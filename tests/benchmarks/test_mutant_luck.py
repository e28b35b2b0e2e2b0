"""The Hypothesis machine finds the mutants by itself, with the examples of a CI run."""

from __future__ import annotations

import pytest

from stateful.model.standard import find_scenario
from stateful.protocol.mutant_table import MUTANTS, UNDER_SUPERVISORS
from tests.benchmarks.mutant_luck import (
    LuckJob,
    MachinesNeeded,
    luck_lines,
    machines_until_found,
    measure_luck,
)

# A race, a crash inside a claim, a crash after it, an odd disk; each takes a few machines.
QUICK = ("check-then-overwrite", "empty-record-wedges", "foreign-guard-on-cleanup")

# What a thousand machines may miss, each of which needs several things at one point.
RARE = {
    "probe-collides": "a query holds the lock for one step, and only one start may contend meanwhile",
    "lock-released-before-record": "a start has to claim between the two halves of an exit",
    "survives-sigkill": "a replace has to go through all its waits beside an owner of root",
    "unguarded-remove": "a start has to claim between a look and the removal of an exit",
}


@pytest.mark.parametrize("name", QUICK)
def test_machine_soon_finds_the_mutant(name: str) -> None:
    machines = machines_until_found(name, 1, 100)
    assert machines is not None


def test_only_supervisors_are_out_of_scope() -> None:
    scenarios = {name: find_scenario(mutant.scenario) for name, mutant in MUTANTS.items()}
    assert {name for name in MUTANTS if scenarios[name].cast.supervision} == UNDER_SUPERVISORS


def test_summary_says_what_was_missed_and_what_was_left_out() -> None:
    needed = [
        MachinesNeeded(LuckJob("no-check", 0), 3),
        MachinesNeeded(LuckJob("torn-read", 4), None),
        MachinesNeeded(LuckJob("torn-read", 1), None),
    ]
    assert list(luck_lines(needed)) == [
        "torn-read was missed with seed 1, 4",
        "respawn-storm was not looked for: the machine has no supervisors",
        "1 of 3 found",
    ]


@pytest.mark.long
def test_two_workers_look_for_a_mutant_each(capsys: pytest.CaptureFixture[str]) -> None:
    """A worker is a fresh Python: it imports ``tests.benchmarks`` to unpickle its job."""
    measure_luck([LuckJob(name, 1) for name in QUICK[:2]], workers=2)
    *found, supervised, summary = capsys.readouterr().out.splitlines()
    assert sorted(line.split()[2] for line in found) == sorted(QUICK[:2])
    assert supervised.endswith("the machine has no supervisors")
    assert summary == "2 of 2 found"


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in {*UNDER_SUPERVISORS, *RARE}])
def test_machine_finds_the_mutant(name: str) -> None:
    assert machines_until_found(name, 0) is not None
