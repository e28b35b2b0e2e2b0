"""Simultaneous starts of real processes on the record of a killed owner."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RACERS = Path(__file__).with_name("racers.py")
SOME, MANY = 60, 2_000
ENOUGH_TO_SEE_TWO = 2_000

Race = Callable[..., dict[str, Any]]


@pytest.fixture
def race(home: Path) -> Race:
    def run(subject: str, *, rounds: int, contenders: int) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, str(RACERS), str(rounds), str(contenders), subject],
            env={"HERMES_HOME": str(home), "PYTHONPATH": str(ROOT), "PATH": os.defpath},
            stdout=subprocess.PIPE,
            check=True,
        )
        counted: dict[str, Any] = json.loads(done.stdout)
        return counted

    return run


@pytest.mark.parametrize(
    ("rounds", "contenders"),
    (
        pytest.param(SOME, 2, id="two"),
        pytest.param(SOME, 4, id="four"),
        pytest.param(MANY, 2, id="two-long", marks=pytest.mark.long),
        pytest.param(MANY, 4, id="four-long", marks=pytest.mark.long),
    ),
)
def test_simultaneous_starts_on_a_stale_record_make_one_owner(
    race: Race, rounds: int, contenders: int
) -> None:
    counted = race("reference", rounds=rounds, contenders=contenders)

    assert counted == {"rounds": rounds, "won": rounds, "two_owners": False}


def test_race_shows_the_two_owners_of_the_fix_first_proposed(race: Race) -> None:
    counted = race("stateful.subjects.direct_unlink", rounds=ENOUGH_TO_SEE_TWO, contenders=3)

    assert counted["two_owners"]


def test_race_shows_that_nobody_wins_where_a_foreign_record_is_kept(race: Race) -> None:
    counted = race("stateful.subjects.foreign_guard", rounds=5, contenders=2)

    assert counted == {"rounds": 5, "won": 0, "two_owners": False}
