"""The test class for a maintainer's suite: a JUnit report and a runner learn what is broken where."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree


def test_junit_names_the_scenario_and_the_invariant(tmp_path: Path) -> None:
    report, summary = tmp_path / "report.xml", tmp_path / "summary.md"
    runner = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    arguments = ["tests/test_subject.py", "--subject=foreign-guard", f"--junitxml={report}"]
    arguments += ["-k", "test_holds_in_every_state and one-start-root"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=Path(__file__).parents[1],
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
