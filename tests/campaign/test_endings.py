"""However a campaign ends, its reported findings are in the corpus, and no process or file is left over."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from stateful.campaign.corpus import Corpus
from stateful.explain.case import parse_case
from stateful.kernel.temporary import temporary_folder
from stateful.model.schedule import parse_schedule

LIMIT_S = 60.0
SUBJECT = "direct-unlink"


def _heed_signals() -> None:
    """A shell that runs the tests in the background makes them ignore these signals."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Run:
    """A campaign in a process group of its own, and every process that it has been seen to have."""

    def __init__(self, folder: Path) -> None:
        self.corpus = folder / "corpus"
        self.events = folder / "events.jsonl"
        command = (sys.executable, "-m", "stateful", "fuzz", SUBJECT, "--time", "90s", "--workers", "2")
        where = ("--corpus", str(self.corpus), "--json", str(self.events))
        self.process = subprocess.Popen(
            (*command, *where),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_heed_signals,
        )
        self.seen = {self.process.pid: psutil.Process(self.process.pid)}

    def go_on(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                self.seen[child.pid] = child
            time.sleep(0.02)

    def go_until_violated(self) -> None:
        """Let it go on until it has said that something is violated."""
        assert self.process.stdout is not None
        assert any(line.startswith("violated ") for line in self.process.stdout)
        self.go_on(0.1)

    def workers(self) -> list[psutil.Process]:
        alive = [each for each in self.seen.values() if each.is_running()]
        return [each for each in alive if "spawn_main" in " ".join(each.cmdline())]

    def end(self) -> str:
        """What it said in the end; its processes have ended and left nothing, and the corpus is whole."""
        out, err = self.process.communicate(timeout=LIMIT_S)
        assert err in ("", "stateful: interrupted\n")  # the second before it has begun
        _, alive = psutil.wait_procs(list(self.seen.values()), timeout=10)
        assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]
        folder = Path(temporary_folder() or tempfile.gettempdir())
        assert not [left for pid in self.seen for left in folder.glob(f"stateful-{pid}-*")]
        self.check_corpus()
        return out

    def check_corpus(self) -> None:
        """Every file is whole, and each violation that was reported is there, as it was or smaller."""
        kept = set()
        for path in self.corpus.glob("*.case"):
            kept.add(parse_case(path.read_text()).invariant)
        for path in self.corpus.glob("*/*.schedule"):
            said = dict(line.split(": ", 1) for line in path.read_text().splitlines() if ": " in line)
            assert parse_schedule(said["schedule"])
        kept |= {str(each.invariant) for each in Corpus(self.corpus).found(SUBJECT)}
        reported = {event["invariant"] for event in self.told() if event["event"] == "violated"}
        assert reported <= kept

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.events.read_text().splitlines()]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    started = Run(tmp_path)
    yield started
    for process in started.seen.values():
        if process.is_running():
            process.kill()


def test_interrupted_campaign_says_what_it_found(run: Run) -> None:
    run.go_until_violated()
    os.killpg(run.process.pid, signal.SIGINT)
    said = run.end()
    assert "direct-unlink: violated in 0:" in said
    assert "with 2 workers, interrupted\n" in said
    assert run.process.returncode == 1
    assert run.told()[-1]["event"] == "summary"


@pytest.mark.long
def test_worker_that_is_killed_is_replaced_and_mentioned(run: Run) -> None:
    run.go_until_violated()
    victim = run.workers()[0]
    victim.kill()
    assert run.process.stdout is not None
    line = ""
    while not line.startswith("replaced"):
        line = run.process.stdout.readline()
        run.go_on(0.01)
    assert "a worker ended with exit status -9 at " in line
    run.process.send_signal(signal.SIGTERM)
    assert "replaced    a worker ended with exit status -9" in run.end()


# Twenty moments of each: between two starts, in the middle of a slice, of a violation that is made smaller.
MOMENTS = random.Random(7).sample(range(50, 12_000), 20)


@pytest.mark.long
@pytest.mark.parametrize("moment_ms", MOMENTS)
def test_interrupt_at_any_moment_loses_nothing(moment_ms: int, run: Run) -> None:
    run.go_on(moment_ms / 1000)
    os.killpg(run.process.pid, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)[moment_ms % 3])
    try:
        run.end()
    except (AssertionError, FileNotFoundError):
        # Before it has told Python what to do with interrupts, it ends as any program does.
        assert not run.events.exists()


@pytest.mark.long
@pytest.mark.parametrize("moment_ms", MOMENTS)
def test_worker_that_is_killed_at_any_moment_loses_nothing(moment_ms: int, run: Run) -> None:
    run.go_until_violated()
    run.go_on(moment_ms / 1000)
    for worker in run.workers()[:1]:
        worker.kill()
    run.go_on(1.0)
    os.killpg(run.process.pid, signal.SIGINT)
    assert "replaced" in run.end()
    assert run.process.returncode == 1


@pytest.mark.long
@pytest.mark.parametrize("moment_ms", MOMENTS[:5])
def test_campaign_that_is_killed_at_any_moment_loses_nothing(moment_ms: int, run: Run) -> None:
    run.go_until_violated()
    run.go_on(moment_ms / 1000)
    run.process.kill()
    run.process.communicate(timeout=LIMIT_S)
    workers = [each for each in run.seen.values() if each.pid != run.process.pid]
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]
    run.check_corpus()
