"""The benchmarks in a reduced form: what they report, and that they leave nothing behind; never seconds."""

from __future__ import annotations

import multiprocessing
import os
import re
from typing import TYPE_CHECKING

import pytest

from stateful.model.standard import CASTS, find_scenario
from stateful.protocol.subject import find_subject
from stateful.report.text import LIMIT_COLUMNS
from tests.benchmarks import real_starts, speed
from tests.benchmarks.confirm_speed import confirm_lines, play
from tests.benchmarks.real_races import race_pairs
from tests.benchmarks.real_starts import python_beside, time_starts
from tests.benchmarks.simulated_speed import SearchCost, StepCost, add_pairs, measure_machine, measure_search

if TYPE_CHECKING:
    from pathlib import Path

SUBJECTS = ("direct-unlink", "reference")


def test_search_counts_more_steps_than_real_calls() -> None:
    total = SearchCost()
    results = measure_search(find_subject("direct-unlink"), [find_scenario("two-starts-stale")], total)
    assert results == total.results
    assert results[0].violations["at_most_one_owner"].length > 0
    assert 0 < total.states < total.steps
    assert 0 < total.calls < total.steps
    assert total.processor_s > 0


@pytest.mark.parametrize("name", SUBJECTS)
def test_step_is_measured_in_pairs(name: str) -> None:
    cost = StepCost()
    with python_beside(time_starts) as bare:
        add_pairs(find_subject(name), 3, cost, bare)
    assert len(cost.bare) == len(cost.simulated) == 3
    assert min(cost.bare) > 0
    assert cost.ratio > 0


def test_python_beside_ends_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_starts, "temporary_folder", lambda: str(tmp_path))
    monkeypatch.setenv("HERMES_HOME", "untouched")
    with python_beside(time_starts) as bare:
        bare.send(find_subject("reference"))
        assert bare.recv() > 0
        assert len(list(tmp_path.iterdir())) == 1
    assert os.environ["HERMES_HOME"] == "untouched"
    assert multiprocessing.active_children() == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_machine_makes_the_same_steps_each_time() -> None:
    first, second = (measure_machine(find_subject("reference"), 3) for _ in range(2))
    assert first.machines == second.machines > 0
    assert first.steps == second.steps > 0


def test_race_ends_its_processes_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(real_starts, "temporary_folder", lambda: str(tmp_path))
    race = race_pairs(find_subject("direct-unlink"), 0.3)
    assert race.tries > 0
    assert 0 <= race.double_owners <= race.tries
    assert multiprocessing.active_children() == []
    assert list(tmp_path.iterdir()) == []


def test_race_of_the_reference_has_one_owner() -> None:
    assert race_pairs(find_subject("reference"), 0.3).double_owners == 0


@pytest.mark.long
def test_report_is_narrow_and_names_nothing_of_this_machine(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed, "CASTS", CASTS[:2])
    monkeypatch.setattr(speed, "PAIRS", 1)
    monkeypatch.setattr(speed, "EXAMPLES", 1)
    monkeypatch.setattr(speed, "RACE_S", 0.2)
    monkeypatch.setattr(speed, "SEEDS", 1)
    monkeypatch.setattr(speed, "MISTAKES", ())
    monkeypatch.setattr(speed, "CONFIRM_S", 0.1)
    monkeypatch.setattr(speed, "CAUGHT", ("empty-record-wedges",))
    speed.measure_speed()
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= LIMIT_COLUMNS
    assert not re.search(r"(?:^|\s)/\w", text)
    headings = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert [heading.partition(" ")[0] for heading in headings] == [
        "Python",
        "Exhaustive",
        "Steps",
        "One",
        "The",
        "Confirmed",
        "The",
        "Fuzzing:",
    ]
    assert "MISSED" not in text
    assert re.search(r"^  empty-record-wedges +one-start-empty +3 \+ 1 +3 +[\d.]+$", text, re.MULTILINE)
    for cast in CASTS[:2]:
        assert re.search(rf"^  {cast.name}, 1 kill +[\d,]+ +[\d.]+ +[\d,]+ +[\d.]+$", text, re.MULTILINE)


def test_plays_of_real_processes_are_counted() -> None:
    plays = play(find_subject("direct-unlink"), 0.05)
    assert plays.schedules >= 1
    assert plays.steps == 16
    assert max(map(len, confirm_lines("direct-unlink", plays))) <= LIMIT_COLUMNS
