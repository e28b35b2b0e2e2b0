"""Fixtures for the tests of reports: the four historical counterexamples, replayed, and golden files."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from stateful.explain.needs import explain
from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario
from stateful.model.trace import Trace
from stateful.protocol.subject import find_subject
from stateful.run.execution import Execution
from stateful.run.replay import replay

HERE = Path(__file__).parent

AsWritten = Callable[[str, str], None]
History = Callable[[str], Trace]


@cache
def _replayed(name: str) -> Trace:
    text = (HERE / "counterexamples" / f"{name}.txt").read_text(encoding="utf-8")
    command, _, rest = text.rpartition("--scenario ")[2].replace("\\\n", " ").partition('"')
    subject, scenario = find_subject(name), find_scenario(command.split()[0])
    return explain(subject, scenario, replay(subject, scenario, parse_schedule(rest.rstrip('"\n'))))


@pytest.fixture
def history() -> History:
    """The trace of the counterexample to a built-in subject, by name."""
    return _replayed


@pytest.fixture
def as_written() -> AsWritten:
    """Compares a text with the file of that name here; with ``REWRITE=1`` it writes the file instead."""

    def compare(name: str, text: str) -> None:
        path = HERE / name
        if os.environ.get("REWRITE"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


# Waits for the record to go, looking around meanwhile, until it has waited long enough.
PATIENT = """
import os
import time

def gateway(home, serve):
    for _ in range(20):
        if not (home / "gateway.pid").exists():
            break
        (home / "gateway.log").open("a").close()
        time.sleep(1)
    (home / "gateway.pid").write_text('{"pid": %d}' % os.getpid())
    serve()
"""
STARTS = " ".join(f"start-{letter}" for letter in "ABCDEF")
PATIENCE = f"{STARTS} {'A4 B7 C3 D5 E2 F6 B2 D4 F3 A5 ' * 8} crash-F A40 {'E5 C9 ' * 5} exit-A A9 C40 D40"


@pytest.fixture
def long_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trace:
    """A counterexample of hundreds of steps and six processes."""
    monkeypatch.chdir(tmp_path)
    Path("patient.py").write_text(PATIENT, encoding="utf-8")
    execution = Execution(find_subject("patient.py"), find_scenario("any-stale"))
    with execution:
        for move in parse_schedule(PATIENCE):
            if execution.violation is None and execution.possible(move):
                execution.make(move)
    return replay(execution.subject, execution.scenario, execution.trace.moves)
