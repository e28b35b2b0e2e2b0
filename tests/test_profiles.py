"""Profiles, seeds, settings and statistics work as a user of Hypothesis expects, in workers too."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What Hypothesis and conftest.py take for a sign of continuous integration.
SIGNS = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "BUILDKITE", "TEAMCITY_VERSION", "STATEFUL_REDIS")


def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """The exit status of pytest in a folder, and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in SIGNS} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


ASKED = """
import os
from hypothesis import settings
from stateful import SingleOwnerMachine, conformance

class Mine(SingleOwnerMachine): ...

TestStatus = conformance("reference")

def test_profile():
    assert settings.get_current_profile_name() == os.environ["EXPECTED"]
    wanted = settings.get_profile(os.environ["EXPECTED"])
    for case in (Mine.TestCase, TestStatus.TestLongLives):
        assert case.settings.max_examples == wanted.max_examples
        assert case.settings.stateful_step_count == wanted.stateful_step_count
        assert case.settings.derandomize == wanted.derandomize
        assert case.settings.database == wanted.database
"""


@pytest.mark.parametrize(
    ("expected", "arguments", "environment"),
    (
        pytest.param("dev", (), {}, marks=pytest.mark.long),
        ("ci", (), {"CI": "true"}),
        # Workers collect the same tests, those of the machine and of each scenario, or xdist refuses.
        pytest.param(
            "fuzz", ("-n", "2", "--hypothesis-profile", "fuzz"), {"CI": "true"}, marks=pytest.mark.long
        ),
    ),
    ids=("dev", "ci", "named-in-workers"),
)
def test_profile_is_the_one_that_is_named_or_that_of_the_place(
    expected: str, arguments: tuple[str, ...], environment: dict[str, str], tmp_path: Path
) -> None:
    shutil.copy(ROOT / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(ASKED)
    status, said = run(tmp_path, "-k", "test_profile", *arguments, EXPECTED=expected, **environment)
    assert status == 0, said
    assert "1 passed" in said


def test_unknown_profile_is_one_line(tmp_path: Path) -> None:
    shutil.copy(ROOT / "conftest.py", tmp_path)
    status, said = run(tmp_path, "--hypothesis-profile", "tea")
    assert (status, said.strip()) == (4, "ERROR: Profile 'tea' is not registered")


# A maintainer's own project, with its own profiles.
CONFTEST = """
from hypothesis import Phase, settings
settings.register_profile(
    "mine", max_examples=8, stateful_step_count=5, database=None, phases=[Phase.generate]
)
settings.load_profile("mine")
"""
OWN = """
from hypothesis import settings
from stateful import conformance

TestStatus = conformance("reference")
TestSlow = conformance("reference")
TestSlow.TestLongLives.settings = settings(max_examples=6)
TestBroken = conformance("unlinked-lock")
TestBroken.TestLongLives.settings = settings(max_examples=200, stateful_step_count=20)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A maintainer's own project."""
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_own.py").write_text(OWN)
    return tmp_path


@pytest.mark.long
def test_profile_and_settings_of_a_user_are_heeded_and_statistics_told(project: Path) -> None:
    arguments = ["-k", "TestLongLives and not Broken", "--hypothesis-show-statistics"]
    status, said = run(project, *arguments)
    assert status == 0, said
    assert re.findall(r"Stopped because settings.max_examples=(\d+)", said) == ["8", "6"]
    assert "TestStatus::TestLongLives::runTest:" in said
    assert "an owner served" in said


@pytest.mark.long
def test_seed_gives_the_same_failure_again(project: Path) -> None:
    arguments = ["-k", "TestLongLives and Broken", "--hypothesis-seed", "7"]
    (status, first), (_, second) = run(project, *arguments), run(project, *arguments)
    assert status == 1, first
    assert " is violated: " in first
    assert re.sub(r"[0-9.]+s", "", first) == re.sub(r"[0-9.]+s", "", second)
