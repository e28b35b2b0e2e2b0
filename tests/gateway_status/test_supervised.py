"""Gateways under a real supervisor: killed ones come back and own, replaced ones stay away."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parents[2]
MOST_TAKEOVERS = 4
LONGEST_START_S = 0.3
SEED = 20

Until = Callable[[Callable[[], Any]], Any]

# Nobody asks it anything, so it listens nowhere. It starts what has ended the next time that it wakes up,
# which is after a second, or when a program says something; the clock has it not wait.
CONFIGURATION = """
[supervisord]
nodaemon = true
logfile = {folder}/supervisord.log
pidfile = {folder}/supervisord.pid

[program:gateway]
command = {python} -m gateway_status run {options}
directory = {root}
environment = HERMES_HOME="{home}",PYTHONPATH="{root}"
autorestart = {autorestart}
exitcodes = 0
startsecs = 0
startretries = 1000
stdout_logfile = {folder}/gateway.log
redirect_stderr = true

[program:clock]
command = sh -c "while sleep 0.05; do echo; done"
stdout_logfile = NONE
stopasgroup = true
"""


class Supervisor:
    """A supervisord with one gateway."""

    def __init__(self, folder: Path, **configured: Any) -> None:
        folder.mkdir()
        file = folder / "supervisord.conf"
        file.write_text(CONFIGURATION.format(folder=folder, python=sys.executable, root=ROOT, **configured))
        self._log = folder / "gateway.log"
        self._process = psutil.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(file)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def gateway(self) -> int | None:
        """The pid of its gateway, whatever that is doing."""
        for child in self._process.children():
            with contextlib.suppress(psutil.NoSuchProcess):  # also of a zombie
                if "gateway_status" in child.cmdline():
                    return int(child.pid)
        return None

    def said(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        with contextlib.suppress(psutil.TimeoutExpired):
            self._process.wait(20)
            return
        for process in (*self._process.children(), self._process):
            process.kill()
        self._process.wait()


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Supervisor]]:
    supervisors: list[Supervisor] = []

    def start(home: Path, *, options: str = "", autorestart: str = "true") -> Supervisor:
        folder = tmp_path / f"supervisor-{len(supervisors)}"
        supervisors.append(Supervisor(folder, home=home, options=options, autorestart=autorestart))
        return supervisors[-1]

    yield start
    for each in supervisors:
        each.end()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home beside the folders of the supervisors."""
    path = tmp_path / "home"
    path.mkdir()
    monkeypatch.setenv("HERMES_HOME", str(path))
    return path


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def stays_away(supervisor: Supervisor, quiet_s: float) -> bool:
    """Whether no gateway of a supervisor is seen for a while."""
    end = time.monotonic() + quiet_s
    while time.monotonic() < end:
        if supervisor.gateway():
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize(
    "rounds", (pytest.param(2, id="2"), pytest.param(500, id="500", marks=pytest.mark.long))
)
def test_killed_gateway_comes_back_and_owns(
    supervise: Callable[..., Supervisor], status: ModuleType, home: Path, until: Until, rounds: int
) -> None:
    """Every round kills the owner, and every other one the start after it too, wherever that is."""
    moments = random.Random(SEED)
    supervisor = supervise(home)

    def next_one(*, after: int | None) -> int:
        pid: int = until(lambda: (now := supervisor.gateway()) != after and now)
        return pid

    def owner(*, after: int | None) -> int:
        pid: int = until(lambda: (now := status.get_running_pid()) != after and now)
        return pid

    victim = owner(after=None)
    for number in range(rounds):
        # The ledger of starts would rightly slow down what comes back as fast as this.
        (home / "gateway-starts.log").unlink(missing_ok=True)
        kill(victim)
        if number % 2:
            unfinished = next_one(after=victim)
            time.sleep(moments.uniform(0, LONGEST_START_S))
            kill(unfinished)
            victim = unfinished
        victim = owner(after=victim)
        assert victim == next_one(after=None)


@pytest.mark.long
@pytest.mark.parametrize(
    ("rounds", "quiet_s"),
    (pytest.param(1, 0.5, id="1"), pytest.param(20, 5.0, id="20")),
)
def test_two_supervisors_that_both_replace_settle_on_one_owner(
    supervise: Callable[..., Supervisor],
    status: ModuleType,
    home: Path,
    until: Until,
    rounds: int,
    quiet_s: float,
) -> None:
    """The replaced gateway exits 0, which its supervisor expects and leaves at that."""
    for _ in range(rounds):
        pair = [supervise(home, options="--replace", autorestart="unexpected") for _ in range(2)]

        def settled() -> bool:
            """Whether one of them is the owner for a while, and the other one is not there."""
            end, owner = time.monotonic() + quiet_s, status.get_running_pid()
            while owner and time.monotonic() < end:
                if [owner] != [pid for pid in (each.gateway() for each in pair) if pid]:  # noqa: B023
                    return False
                time.sleep(0.05)
            return bool(owner and status.get_running_pid() == owner)

        until(lambda: all("gateway: " in each.said() for each in pair))  # noqa: B023
        until(settled)
        # The one that was first, the other, and the first once more where the other was refused at first.
        assert 1 <= sum(each.said().count("gateway: runs in") for each in pair) <= MOST_TAKEOVERS
        for each in pair:
            each.end()


@pytest.mark.long
def test_gateway_stopped_on_purpose_is_not_revived(
    supervise: Callable[..., Supervisor], status: ModuleType, home: Path, until: Until
) -> None:
    supervisor = supervise(home, autorestart="unexpected")
    until(lambda: supervisor.said().count("gateway: runs in") == 1)
    first = status.get_running_pid()
    os.kill(first, signal.SIGTERM)
    until(lambda: supervisor.said().count("gateway: runs in") == 2)
    second = status.get_running_pid()

    subprocess.run([sys.executable, "-m", "gateway_status", "stop"], cwd=ROOT, check=True)

    assert stays_away(supervisor, 0.5)
    assert second not in (first, status.get_running_pid())
    assert supervisor.said().count("gateway: runs in") == 2
    assert "exit status 1: SIGTERM ended it, which nobody announced" in supervisor.said()
    assert "exit status 0: it was replaced or stopped on purpose" in supervisor.said()
