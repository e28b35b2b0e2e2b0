"""The text of a chronicle, verbatim: thousands of respawns on a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from stateful.__main__ import main
from stateful.model.chronicle import Chronicle
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.report.chronicle_text import clock
from stateful.report.text import LIMIT_COLUMNS, LIMIT_LINES, trace_text
from stateful.report.verdict import as_json, summary
from stateful.search.supervised import supervise
from stateful.verification.verification import verify

TEXTS = Path(__file__).parent / "counterexamples"

# Each file, and what is told in it.
TOLD = {
    "outage-under-systemd": ("foreign-guard", "outage-under-systemd-empty"),
    "units-replacing-always": ("reference-status", "units-replacing-always-empty"),
    "victim-exits-one": ("tests/planted/victim_exits_one.py", "units-replacing-under-systemd-empty"),
    "abandoned": ("tests/planted/raises_out.py", "term-and-stop-under-systemd-empty"),
    "term-and-stop": ("reference", "term-and-stop-under-systemd-empty"),
}
ALL = (*TOLD, "outage-under-launchd")


def expected(name: str) -> str:
    return (TEXTS / f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")


@pytest.mark.parametrize("name", TOLD)
def test_text_is_as_written(name: str, pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pytestconfig.rootpath)
    subject, scenario = TOLD[name]
    chronicle = supervise(find_subject(subject), find_scenario(scenario)).chronicle
    assert chronicle is not None
    assert trace_text(chronicle) == expected(name)


@pytest.mark.long
def test_outage_is_2880_respawns_in_twelve_hours_on_one_page() -> None:
    found = verify("foreign-guard", [find_scenario("outage-under-launchd-empty")])
    chronicle = found.violations["supervisors_settle"]
    assert isinstance(chronicle, Chronicle)
    assert chronicle.respawns == 2_880
    assert chronicle.owners == []
    assert [run.owned is not None for run in chronicle.runs] == [True] + [False] * 2_880
    assert trace_text(chronicle) == expected("outage-under-launchd")
    assert summary(found) == [
        "foreign-guard: violated",
        "  violated        supervisors_settle",
        "  holds           at_most_one_owner",
        "  supervised      1 scenario played once each, 12 hours of virtual time, 2,880 respawns",
    ]
    (scenario,) = as_json(found)["scenarios"]
    assert (scenario["respawns"], scenario["states"]) == (2_880, 0)
    assert scenario["violations"][0]["faults"] == ["crash-A"]


@pytest.mark.parametrize("name", ALL)
def test_text_stays_within_its_limits(name: str) -> None:
    lines = expected(name).splitlines()
    assert len(lines) <= LIMIT_LINES
    assert max(map(len, lines[:-1])) <= LIMIT_COLUMNS  # The last one is to be pasted as it is.


def test_line_under_the_text_shows_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    command = expected("outage-under-systemd").splitlines()[-1].partition("-m stateful ")[2]
    assert main(command.split()) == 1
    out = capsys.readouterr().out
    assert expected("outage-under-systemd") in out
    assert "outage-under-systemd-empty systemd 5 ! none" in " ".join(out.split())


def test_supervised_scenario_has_no_schedule_to_replay(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "reference", "--scenario", "outage-under-launchd-empty", "A1"]) == 2
    assert capsys.readouterr().err == (
        "stateful: outage-under-launchd-empty: its order follows from the clock; `python -m stateful verify "
        "reference --scenario outage-under-launchd-empty` plays it again\n"
    )


@pytest.mark.parametrize(
    ("microseconds", "shown"),
    ((0, "0:00:00"), (60_100_000, "0:01:00.1"), (43_245_000_000, "12:00:45"), (1_005_000, "0:00:01.005")),
)
def test_time_is_shown_as_on_a_clock(microseconds: int, shown: str) -> None:
    assert clock(microseconds) == shown
