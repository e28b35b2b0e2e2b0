"""The output for GitHub Actions: only on its runners, and escaped by its rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from stateful.model.standard import find_scenario
from stateful.report import github
from stateful.verification.verification import Verification, verify

WEDGES = Path("stateful/subjects/mutants/empty_record_wedges.py")


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mutant as a maintainer's own file."""
    path = tmp_path_factory.mktemp("workspace") / WEDGES.name
    path.write_text(WEDGES.read_text())
    return path


@pytest.fixture(scope="module")
def found(subject: Path) -> Verification:
    return verify(str(subject), [find_scenario("one-start-stale"), find_scenario("one-start-empty")])


def test_nothing_is_told_anywhere_else(found: Verification, capsys: pytest.CaptureFixture[str]) -> None:
    github.tell(found, {})
    assert capsys.readouterr().out == ""


def test_each_violation_is_an_error_beside_the_subject_and_in_the_summary(
    found: Verification, subject: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    runner = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(subject.parent),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    github.tell(found, runner)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(found.violations) == 1
    assert lines[0].startswith(
        f"::error title=a_dead_owner_can_be_replaced is violated by {subject},file={subject.name}::"
        "A started alone, nobody else was alive, and "
    )
    assert "%0A- The disk is as the scenario leaves it: one start, stale record.%0A" in lines[0]
    text = summary.read_text()
    assert text.startswith(f"before\n## {subject}: violated\n")
    assert "\n```mermaid\nsequenceDiagram\n" in text
    assert "\n| `one-start-stale` | violated | " in text
    assert "Replay:  python -m stateful replay" in text


def test_summary_that_cannot_be_written_is_said(
    found: Verification, capsys: pytest.CaptureFixture[str]
) -> None:
    github.tell(found, {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "none/summary.md"})
    output = capsys.readouterr()
    assert output.out.startswith("::error ")
    assert output.err == (
        "stateful: none/summary.md: no job summary can be written (No such file or directory)\n"
    )


def test_summary_of_what_holds_is_its_verdict_and_scenarios() -> None:
    text = github.job_summary(verify("reference", [find_scenario("one-start-empty")]))
    assert text.startswith("## reference: holds\n\n- **holds** at\\_most\\_one\\_owner, ")
    assert "| `one-start-empty` | holds | " in text
    assert "mermaid" not in text


def test_supervised_play_is_told_as_text() -> None:
    found = verify("foreign-guard", [find_scenario("outage-under-systemd-empty")])
    assert "pid 102 starts, exits 1" in github.job_summary(found)
    (line,) = github.workflow_commands(found, Path())
    assert line.startswith("::error title=supervisors_settle is violated by foreign-guard::systemd gave up")


def test_what_ends_a_workflow_command_is_escaped() -> None:
    assert github._escape("100 %\r\n: ,", github._PROPERTY) == "100 %25%0D%0A%3A %2C"
    assert github._escape("100 %\r\n: ,", github._DATA) == "100 %25%0D%0A: ,"


def test_fence_is_longer_than_any_in_the_text() -> None:
    assert github._fence("text", "a ```` b") == ["`````text", "a ```` b", "`````"]
