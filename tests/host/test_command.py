"""``replay --host`` and ``verify --confirm`` as a user sees them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from stateful.__main__ import main
from stateful.command import replay_script
from stateful.report.text import LIMIT_COLUMNS

CONFIRMED = (
    r"Confirmed on the host: 16 steps of 2 real processes, the same calls, answers and end "
    r"\(Linux [0-9.]+, [a-z0-9]+\)\."
)


def test_replay_says_that_the_host_does_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["replay", "direct-unlink", "--scenario", "two-starts-empty", "A1 B8 A7"]
    assert main(arguments) == 1
    plain = capsys.readouterr().out
    assert main([*arguments, "--host"]) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"{plain}\n")
    assert re.fullmatch(CONFIRMED, " ".join(out.removeprefix(plain).split()))
    assert max(map(len, out.splitlines())) <= LIMIT_COLUMNS


def test_replay_of_what_breaks_nothing_is_confirmed_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "direct-unlink", "--scenario", "two-starts-empty", "A8 B3", "--host"]) == 0
    assert "Confirmed on the host: 11 steps of 2 real processes" in capsys.readouterr().out


def test_replay_that_cannot_be_played_is_status_three(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["replay", "foreign-guard", "--scenario", "two-starts-containers", "A14 B1 A3 B10"]
    assert main([*arguments, "--host"]) == 3
    said = capsys.readouterr().out.partition("\n\nCannot be played on this host: ")[2]
    assert " ".join(said.split()) == "each process of this scenario is pid 1 of a pid namespace of its own."


def test_verify_confirms_each_violation(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    arguments = ["verify", "foreign-guard", "--scenario", "two-starts-stale", "--workers", "1"]
    arguments += ["--scenario", "outage-under-systemd-empty", "--confirm", "--json", str(report)]
    assert main(arguments) == 1
    out = capsys.readouterr().out
    assert out.count("Confirmed on the host: ") == 1
    assert out.count("\n      Confirmed on the host.\n") == 1
    assert "Cannot be played on this host: it goes on for hours of virtual time.\n" in out
    violations = [
        each for scenario in json.loads(report.read_text())["scenarios"] for each in scenario["violations"]
    ]
    assert {each["invariant"]: each["confirmed"] for each in violations} == {
        "a_dead_owner_can_be_replaced": True,
        "some_contender_wins": True,
        "supervisors_settle": None,
    }
    assert violations[-1]["confirmation"] == "it goes on for hours of virtual time."


def test_confirmation_that_a_script_does_not_bear_out_is_in_doubt(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A play keeps some substitutes of the simulation's; a script has none."""
    monkeypatch.setattr(replay_script, "script", lambda *_: "print('all is well')")
    report = tmp_path / "report.json"
    arguments = ["verify", "foreign-guard", "--scenario", "one-start-stale", "--confirm"]
    assert main([*arguments, "--json", str(report)]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "In doubt: real processes do the same beside the harness, but a stand-alone script does not show it "
        "here. It ends with 0 and says: all is well" in said
    )
    assert json.loads(report.read_text())["scenarios"][0]["violations"][0]["confirmed"] is None
