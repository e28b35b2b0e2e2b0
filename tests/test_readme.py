"""README is true: its counterexample, its tables, its numbers."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.database import DirectoryBasedExampleDatabase

from stateful import conformance
from stateful.__main__ import main
from stateful.model.chronicle import RUN_INVARIANTS, count_respawns
from stateful.model.invariants import INVARIANTS
from stateful.model.moment import LONGEST_LIFE_STEPS
from stateful.model.schedule import parse_schedule
from stateful.model.standard import CASTS, SCENARIOS, SUPERVISED, find_scenario
from stateful.protocol.built_in import BUILT_IN, broken_by
from stateful.protocol.mutant_table import MUTANTS
from stateful.protocol.subject import find_subject
from stateful.search.supervised import supervise
from stateful.verification.verification import verify

OUTAGE_SUBJECTS = ("reference", "foreign-guard")
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def code_words() -> set[str]:
    return set(re.findall(r"`([^`\n]+)`", README))


def test_counterexample_is_the_one_that_is_printed() -> None:
    text = (ROOT / "tests" / "report" / "counterexamples" / "direct-unlink.txt").read_text(encoding="utf-8")
    assert f"```\n{text}```" in README


def test_invariants_and_limits_are_those_of_the_code() -> None:
    assert {invariant.__name__ for invariant in (*INVARIANTS, *RUN_INVARIANTS)} <= code_words()
    assert f"within {LONGEST_LIFE_STEPS:,} steps" in README
    assert f"searches {len(SCENARIOS)} scenarios" in README
    assert f"{len(SUPERVISED)} more are played" in README


def test_table_of_mutants_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ((?:`[a-z0-9-]+` ?)+) \|$", README, re.MULTILINE)
    told = {name: invariant for invariant, names in rows for name in re.findall(r"`([^`]+)`", names)}
    assert {name: told.get(name) for name in MUTANTS} == {name: broken_by(name) for name in MUTANTS}
    assert f"{len(MUTANTS)} ways" in README
    schedules = [parse_schedule(each.schedule) for each in MUTANTS.values() if each.schedule]
    steps = [sum(move.steps for move in schedule) for schedule in schedules]
    assert f"of {min(steps)} to {max(steps)} steps" in README


@pytest.mark.long
@pytest.mark.parametrize("name", BUILT_IN)
def test_table_of_subjects_says_what_each_violates(name: str) -> None:
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}` |"))
    violated = row.partition("violated |")[2]
    casts = {cast.name for cast in CASTS} - {"three-starts"} if violated else {"two-starts"}
    small = [scenario for scenario in SCENARIOS if scenario.cast.name in casts and not scenario.plan]
    small = [scenario for scenario in small if scenario.disk.name in ("empty", "stale")]
    # The outage in full takes seconds: what breaks it breaks the one under systemd.
    small += [scenario for scenario in SUPERVISED if scenario.cast.name != "outage-under-launchd"]
    found = verify(name, small)
    assert re.findall(r"`([a-z_]+)`", violated) == list(found.violations)


def test_example_of_a_function_is_a_subject_that_holds(tmp_path: Path) -> None:
    example = next(
        code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "def gateway" in code
    )
    (tmp_path / "example.py").write_text(example)
    small = [scenario for scenario in SCENARIOS if scenario.cast.name == "two-starts"]
    assert verify(str(tmp_path / "example.py"), small).verdict == "holds"


def test_options_of_the_workflows_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["verify", "--help"])
    known = capsys.readouterr().out
    commands = re.findall(r"- run: python -m stateful verify (.*)", README)
    assert len(commands) == 3
    assert {option for line in commands for option in re.findall(r"--[a-z]+", line)} <= set(known.split())


def test_example_of_a_desk_replays_what_the_nightly_run_found(tmp_path: Path) -> None:
    example = next(
        code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "nightly" in code
    )
    found = DirectoryBasedExampleDatabase(tmp_path / "examples")
    found.save(b"key", b"value")
    set_hypothesis_home_dir(tmp_path)
    try:
        exec(example, names := {})
        artifact = tmp_path / "github-artifacts" / "hypothesis-example-db" / datetime.now(UTC).isoformat()
        shutil.make_archive(str(artifact).replace(":", "_"), "zip", tmp_path / "examples")
        assert "name: hypothesis-example-db" in README
        assert list(names["nightly"].fetch(b"key")) == [b"value"]
        assert settings.get_profile("desk").database is not None
    finally:
        set_hypothesis_home_dir(None)


def test_conformance_gives_a_test_class() -> None:
    tests = [name for name in dir(conformance("direct-unlink")) if name.lower().startswith("test")]
    assert tests == ["TestLongLives", "test_holds_in_every_state", "test_walks"]


def figures_of_the_outage() -> list[Any]:
    """Scenario, subject and what the table says; those of thousands of respawns take seconds."""
    rows = [line.strip("| ").split(" | ") for line in README.splitlines() if line.startswith("| `outage-")]
    cells = [(row[0].strip("`"), name, row[2 + n]) for row in rows for n, name in enumerate(OUTAGE_SUBJECTS)]
    return [
        pytest.param(
            *cell,
            id=f"{cell[0]}-{cell[1]}",
            marks=[pytest.mark.long] if "," in cell[2].partition(" ")[0] else [],
        )
        for cell in cells
    ]


@pytest.mark.parametrize(("scenario", "subject", "figure"), figures_of_the_outage())
def test_figures_of_the_outage_are_those_that_are_played(scenario: str, subject: str, figure: str) -> None:
    chronicle = supervise(find_subject(subject), find_scenario(scenario)).chronicle
    assert chronicle is not None
    owner = "an owner to the end" if chronicle.owners else "nobody owns"
    assert figure == f"{count_respawns(chronicle.respawns)}, {owner}"
