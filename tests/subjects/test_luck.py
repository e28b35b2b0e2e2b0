"""The Hypothesis machine finds the mutants by itself, with the examples of a CI run."""

from __future__ import annotations

import pytest

from stateful.bench.luck import OUT_OF_SCOPE, machines_until_found
from stateful.mutants import MUTANTS

# A race, a crash inside a claim, a crash after it, an odd disk; each takes a few machines.
QUICK = ("check-then-overwrite", "empty-record-wedges", "foreign-guard-on-cleanup", "recycled-pid-trusted")

# What a thousand machines may miss, each of which needs several things at one point.
RARE = {
    "probe-collides": "a query holds the lock for one step, and nobody but one start may contend meanwhile",
    "eacces-unlinks-the-lock": "one errno of many befalls one call, the first of a start beside an owner",
    "checked-then-recycled": "the owner dies and its pid is given away just before it is signalled",
    "marker-from-the-future": "one disk of many, and a SIGTERM beside which nobody ever planned an end",
    "marker-outlives-replacer": "as above",
}


@pytest.mark.parametrize("name", QUICK)
def test_machine_soon_finds_the_mutant(name: str) -> None:
    machines = machines_until_found(name, 1, 100)
    assert machines is not None


def test_only_supervisors_are_out_of_scope() -> None:
    assert set(OUT_OF_SCOPE) == {"respawn-storm"}


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in {*OUT_OF_SCOPE, *RARE}])
def test_machine_finds_the_mutant(name: str) -> None:
    assert machines_until_found(name, 0) is not None
