"""The test class for a maintainer's suite: a JUnit report and a runner show invariant and scenario."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from stateful import conformance
from stateful.protocol.subject import SubjectError


def test_junit_names_the_scenario_and_the_invariant(tmp_path: Path) -> None:
    report, summary = tmp_path / "report.xml", tmp_path / "summary.md"
    runner = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    arguments = ["tests/test_subject.py", "--subject=foreign-guard", f"--junitxml={report}"]
    arguments += ["-k", "test_holds_in_every_state and one-start-root"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=Path(__file__).parents[2],
        env=os.environ | runner,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    (case,) = ElementTree.parse(report).iter("testcase")
    assert case.attrib["name"] == "test_holds_in_every_state[one-start-root]"
    failure = case.find("failure")
    assert failure is not None
    assert failure.attrib["message"].startswith(
        "Failed: violated: a_dead_owner_can_be_replaced in one-start-root"
    )
    assert "\n::error title=a_dead_owner_can_be_replaced is violated by foreign-guard::" in run.stdout
    assert summary.read_text(encoding="utf-8").startswith("## foreign-guard: violated\n")


BROKEN = """
from pathlib import Path
from stateful import conformance

TestStatus = conformance(Path(__file__).with_name("single.py"))
"""


def test_subject_that_cannot_be_used_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "single.py").write_text("gateway = 3\n")
    (tmp_path / "test_single.py").write_text(BROKEN)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_single.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == pytest.ExitCode.INTERRUPTED
    assert run.stdout.count("SubjectError: ") == 2  # with the line of the summary
    assert "single.py: gateway is not a function\n" in run.stdout
    assert "1 error in " in run.stdout
    assert "stateful/" not in run.stdout  # No line of the harness, only the one that calls it.


@pytest.mark.parametrize(
    "what",
    (pytest, conformance, 5, "", "doesnotexist"),
    ids=("module", "function", "number", "empty", "unknown"),
)
def test_what_names_no_subject_is_refused_at_once(what: Any) -> None:
    with pytest.raises(SubjectError, match="; give a built-in name"):
        conformance(what)
