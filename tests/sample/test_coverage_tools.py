"""HypoFuzz is guided by the subject's branches, and its own calls are not taken for the subject's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from stateful.model.schedule import STEP, Move
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.python.guard import Watchdog
from stateful.run.execution import Execution
from stateful.sample.coverage_tools import HYPOFUZZ, guide

STEPS = 8  # until it owns
LIMIT_S = 240.0


def one_start() -> list[Any]:
    """The calls of a start that is alone."""
    with Watchdog(), Execution(find_subject("direct-unlink"), find_scenario("one-start-empty")) as execution:
        for _ in range(STEPS):
            execution.make(Move(STEP, "A"))
        return [step.call for step in execution.trace.steps]


pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="HypoFuzz needs Python 3.12 here")


def test_process_that_is_watched_makes_the_same_calls() -> None:
    told: set[str] = set()

    def look_up(code: CodeType, *where: int) -> None:
        told.add(Path(code.co_filename).resolve().name)  # as HypoFuzz does, once for each file

    unwatched = one_start()
    monitoring = sys.monitoring
    monitoring.use_tool_id(HYPOFUZZ, "hypofuzz")
    try:
        monitoring.register_callback(HYPOFUZZ, monitoring.events.BRANCH, look_up)
        monitoring.set_events(HYPOFUZZ, monitoring.events.BRANCH)
        guide()
        assert one_start() == unwatched
    finally:
        monitoring.set_events(HYPOFUZZ, 0)
        monitoring.register_callback(HYPOFUZZ, monitoring.events.BRANCH, None)
        monitoring.free_tool_id(HYPOFUZZ)
    assert "direct_unlink.py" in told
    assert "execution.py" not in told


CONFTEST = """
from hypothesis import Phase, settings
from hypothesis.database import DirectoryBasedExampleDatabase

DATABASE = DirectoryBasedExampleDatabase("examples")
settings.register_profile("fuzz", database=DATABASE)
settings.register_profile("reuse", database=DATABASE, phases=[Phase.reuse])
settings.load_profile("fuzz")
"""
TEST = """
from stateful import conformance

TestStatus = conformance("unlinked-lock")
"""


@pytest.mark.long
def test_hypofuzz_finds_and_keeps_what_the_machine_replays(tmp_path: Path) -> None:
    pytest.importorskip("hypofuzz", reason="HypoFuzz is not installed: pip install '.[hypofuzz]'")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_status.py").write_text(TEST)

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [Path(sys.executable).with_name(arguments[0]), *arguments[1:]],
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout + done.stderr

    # It ends by itself: it looks once a minute whether there is a test left that has not failed.
    assert "Found a failing input for every test!" in run(
        "hypothesis", "fuzz", "-n", "1", "--no-dashboard", "--", "test_status.py"
    )
    said = run("pytest", "-q", "--hypothesis-profile", "reuse", "test_status.py::TestStatus::TestLongLives")
    assert " is violated" in said
