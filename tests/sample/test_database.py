"""Machines with the same Redis share their findings; without it each has its own database."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, Verbosity, seed, settings
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.stateful import run_state_machine_as_test

from stateful import SingleOwnerMachine
from stateful.__main__ import main
from stateful.campaign.coverage import Coverage
from stateful.campaign.machines import run_machines
from stateful.campaign.messages import Slice
from stateful.model.trace import Trace
from stateful.protocol.subject import find_subject
from stateful.sample.database import VARIABLE, NotShared, check_shared, shared
from stateful.sample.invariant_violated import InvariantViolated

BROKEN, RIGHT = "check-then-overwrite", "reference"
LIMIT_S = 20.0


class Server:
    """A Redis on a socket in a folder."""

    def __init__(self, folder: Path) -> None:
        redis = pytest.importorskip("redis", reason="redis is not installed: pip install '.[redis]'")
        program = shutil.which("redis-server")
        if program is None:
            pytest.skip("there is no redis-server here: apt-get install redis-server")
        socket = folder / "s"
        self.url = f"unix://{socket}"
        self.process = subprocess.Popen(
            [program, "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", ""],
            stdout=subprocess.DEVNULL,
        )
        try:
            until = time.monotonic() + LIMIT_S
            while not socket.exists():
                assert time.monotonic() < until
                time.sleep(0.01)
            assert redis.Redis.from_url(self.url).ping()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(LIMIT_S)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A Redis that the environment names."""
    started = Server(tmp_path)
    monkeypatch.setenv(VARIABLE, started.url)
    yield started
    started.stop()


class Machine(SingleOwnerMachine):
    """The machine of a maintainer's test suite."""

    def lives(self) -> list[str]:
        return ["start"]


def run(database: Any, examples: int, subject: str = BROKEN) -> None:
    """Run a machine: those of the database first, and then so many that are new."""
    machine: Any = seed(0)(Machine)
    machine.subject = subject
    how = settings(
        settings.get_profile("dev"),
        database=database,
        phases=[Phase.reuse, Phase.generate],
        max_examples=examples,
        stateful_step_count=10,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
    )
    run_state_machine_as_test(machine, settings=how)


def test_violation_that_one_machine_found_is_replayed_on_another(server: Server, tmp_path: Path) -> None:
    here, there = (DirectoryBasedExampleDatabase(tmp_path / name) for name in ("here", "there"))
    with pytest.raises(InvariantViolated):
        run(shared(here), 100)
    run(there, 1)
    run(shared(there), 5, RIGHT)  # It deletes what breaks nothing: of its own subject only.
    with pytest.raises(InvariantViolated):
        run(shared(there), 1)


def campaign(folder: Path, number: int = 0) -> list[Trace]:
    """What the machines of a campaign make in half a second, with a corpus in a folder."""
    traces: list[Trace] = []
    given = Slice("hypothesis", f"{folder.name}-{number}", 0.5, 2, (), frozenset(), frozenset(), {})
    until = time.monotonic() + given.seconds
    subject = find_subject(BROKEN)
    run_machines(subject, given, folder, Coverage(), lambda _, trace: traces.append(trace), until)
    return traces


@pytest.mark.long
def test_campaign_replays_first_what_another_found(server: Server, tmp_path: Path) -> None:
    number = 0
    while not any(trace.violation for trace in campaign(tmp_path / "here", number)):
        number += 1  # A busy machine may need more than one.
    first, *_ = campaign(tmp_path / "there")
    assert first.violation


def test_machine_goes_on_without_a_redis_that_went_away(server: Server, tmp_path: Path) -> None:
    database = shared(DirectoryBasedExampleDatabase(tmp_path / "here"))
    check_shared()
    server.stop()
    database.save(b"key", b"value")
    database.move(b"key", b"other", b"value")
    assert list(database.fetch(b"other")) == [b"value"]
    database.delete(b"other", b"value")
    assert not list(database.fetch(b"other"))
    with pytest.raises(NotShared):
        check_shared()


def test_nothing_is_shared_where_the_environment_names_nothing(tmp_path: Path) -> None:
    database = DirectoryBasedExampleDatabase(tmp_path)
    assert shared(database) is database
    check_shared()


@pytest.mark.parametrize(
    ("url", "said"),
    (
        ("unix:///nowhere/s", "no Redis answers there (Error 2 connecting to /nowhere/s"),
        ("localhost", "no URL of a Redis, such as redis://host:6379/0: Redis URL must specify"),
    ),
    ids=("nobody-there", "no-url"),
)
def test_redis_that_is_of_no_use_is_one_line_and_status_two(
    url: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("redis")
    monkeypatch.setenv(VARIABLE, url)
    assert main(["fuzz", BROKEN, "--corpus", str(tmp_path / "corpus")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"stateful: {VARIABLE}: {said}")
    assert error.count("\n") == 1


def test_redis_without_its_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "redis://localhost")
    monkeypatch.setitem(sys.modules, "redis", None)  # as if there were none
    monkeypatch.delitem(sys.modules, "hypothesis.extra.redis", raising=False)
    with pytest.raises(NotShared, match="redis is not installed; pip install"):
        check_shared()
