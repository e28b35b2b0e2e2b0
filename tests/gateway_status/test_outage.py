"""The outage: a gateway killed with SIGKILL left its record, and every start for 12 hours failed on it.

The start-up clean-up called the exit-time remover. Its guard, "only a record that names me", is right for a
hand-over and wrong here. Both have to hold, so both are tested on the same record.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import ModuleType

import pytest

DEAD = 4242


@pytest.fixture
def left(home: Path) -> Path:
    """The record as it stood there, without a start time."""
    path = home / "gateway.pid"
    argv = ["/opt/hermes/hermes_cli/main.py", "gateway", "run", "--replace"]
    path.write_text(json.dumps({"pid": DEAD, "kind": "hermes-gateway", "argv": argv, "start_time": None}))
    return path


@pytest.fixture
def nobody_lives(status: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(pid: int, number: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(status.os, "kill", kill)


@pytest.mark.usefixtures("nobody_lives")
def test_query_removes_the_record_of_a_dead_gateway(status: ModuleType, left: Path) -> None:
    assert status.get_running_pid() is None

    assert not left.exists()


@pytest.mark.usefixtures("nobody_lives")
def test_next_write_succeeds_after_the_query(status: ModuleType, left: Path) -> None:
    status.get_running_pid()

    status.write_pid_file()

    assert json.loads(left.read_text())["pid"] == os.getpid()


@pytest.mark.usefixtures("nobody_lives")
def test_next_write_succeeds_without_a_query_too(status: ModuleType, left: Path) -> None:
    status.write_pid_file()

    assert json.loads(left.read_text())["pid"] == os.getpid()


@pytest.mark.usefixtures("nobody_lives")
def test_whole_start_succeeds(status: ModuleType, left: Path) -> None:
    assert status.get_running_pid() is None
    assert status.acquire_gateway_runtime_lock()
    status.write_pid_file()

    assert status.owns_gateway()


@pytest.mark.usefixtures("nobody_lives")
def test_exit_still_leaves_the_record_of_another_process(status: ModuleType, left: Path) -> None:
    before = left.read_bytes()

    status.remove_pid_file()

    assert left.read_bytes() == before


@pytest.mark.parametrize("locked", (False, True), ids=("without-a-lock", "with-the-lock"))
def test_exit_still_leaves_a_foreign_live_record(status: ModuleType, home: Path, locked: bool) -> None:
    path = home / "gateway.pid"
    start_time = status.get_process_start_time(os.getppid())
    path.write_text(json.dumps({"pid": os.getppid(), "kind": "hermes-gateway", "start_time": start_time}))
    before = path.read_bytes()
    if locked:
        status.acquire_gateway_runtime_lock()

    status.remove_pid_file()

    assert path.read_bytes() == before
