"""Simultaneous starts of real processes on the record of a killed owner."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway_status import locks

ROOT = Path(__file__).parents[2]
RACERS = Path(__file__).with_name("racers.py")
SOME, MANY = 40, 2_000
ALONE = 20
ENOUGH_TO_SEE_TWO = 2_000
LONGER_THAN_A_START_S = 0.4

QUERIES = """
from gateway_status import doctor, status
while True:
    status.get_running_pid()
    status.is_gateway_runtime_lock_active()
    list(doctor.findings(status.host.pid_path().parent))
"""

Racers = Callable[..., dict[str, Any]]
Spawn = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def racers(home: Path) -> Racers:
    """Runs rounds of simultaneous starts, and counts what came of them."""

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
    racers: Racers, rounds: int, contenders: int
) -> None:
    counted = racers("reference", rounds=rounds, contenders=contenders)

    assert counted == {"rounds": rounds, "won": rounds, "two_owners": False}


def test_race_shows_the_two_owners_of_the_fix_first_proposed(racers: Racers) -> None:
    counted = racers("stateful.subjects.direct_unlink", rounds=ENOUGH_TO_SEE_TWO, contenders=3)

    assert counted["two_owners"]


def test_race_shows_that_nobody_wins_where_a_foreign_record_is_kept(racers: Racers) -> None:
    counted = racers("stateful.subjects.foreign_guard", rounds=5, contenders=2)

    assert counted == {"rounds": 5, "won": 0, "two_owners": False}


def test_lone_start_during_a_probe_is_not_refused(
    status: ModuleType, home: Path, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for the guard; without that, the lock in the hands of the probe would cost it its only try."""
    (home / "gateway.lock").touch()
    contenders: list[subprocess.Popen[str]] = []
    is_named = locks.is_named

    def start_meanwhile(fd: int, path: str) -> bool:
        contenders.append(spawn())
        assert not select.select([contenders[0].stdout], [], [], LONGER_THAN_A_START_S)[0]
        return is_named(fd, path)

    with monkeypatch.context() as slow:
        slow.setattr(locks, "is_named", start_meanwhile)
        assert not status.is_gateway_runtime_lock_active()

    stdout = contenders[0].stdout
    assert stdout is not None
    assert stdout.readline() == "owner\n"


def test_starts_beside_queries_all_win(home: Path, racers: Racers, run: Any) -> None:
    """Whoever starts alone becomes the owner, whatever asks and cleans up beside it."""
    queries = [run(QUERIES) for _ in range(2)]

    counted = racers("reference", rounds=ALONE, contenders=1)

    assert counted == {"rounds": ALONE, "won": ALONE, "two_owners": False}
    assert [query.poll() for query in queries] == [None, None]
