"""The Hypothesis machine finds the mutants by itself; how many of all of them is a question of hours."""

from __future__ import annotations

import pytest

from stateful.bench.luck import is_found

# A race, a crash inside a claim, and a crash after it.
QUICK = ("unlink-by-path", "empty-record-wedges", "foreign-guard-on-cleanup")


@pytest.mark.long
@pytest.mark.parametrize("name", QUICK)
def test_machine_finds_the_mutant(name: str) -> None:
    assert is_found(name, 1)
