"""Workers end in order, whatever ends the run: no hang, no leftovers, and results so far are kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from stateful.kernel.temporary import temporary_folder
from stateful.run.workers import in_parallel

VERIFY = (sys.executable, "-m", "stateful", "verify", "--workers", "2", "--budget", "60")
LIMIT_S = 45.0
ENDINGS = {
    "Ctrl-C": (os.killpg, signal.SIGINT),
    "kill": (os.kill, signal.SIGTERM),
    "end of the terminal": (os.killpg, signal.SIGHUP),
}
OTHERS = [ending for ending in ENDINGS if ending != "Ctrl-C"]


class Run:
    """A verification in a process group of its own, and every process it has ever been seen to have."""

    def __init__(self, subject: str = "reference") -> None:
        command = (*VERIFY, subject)
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self.said = ""
        self.seen = {self.process.pid: psutil.Process(self.process.pid)}

    def go_on(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self.process.poll() is None:
            for child in psutil.Process(self.process.pid).children(recursive=True):
                self.seen[child.pid] = child
            time.sleep(0.02)

    def go_until(self, text: str) -> None:
        """Let it go on until it says something."""
        assert self.process.stdout is not None
        while text not in self.said and (line := self.process.stdout.readline()):
            self.said += line
        self.go_on(0.1)

    def workers(self) -> list[psutil.Process]:
        return [child for child in self.seen.values() if "spawn_main" in " ".join(child.cmdline())]

    def end(self) -> str:
        """What it said; it and all its processes have ended, and none has left a directory."""
        out, err = self.process.communicate(timeout=LIMIT_S)
        assert "Traceback" not in err, err
        _, alive = psutil.wait_procs(list(self.seen.values()), timeout=10)
        assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]
        folder = Path(temporary_folder() or tempfile.gettempdir())
        assert not [left for pid in self.seen for left in folder.glob(f"stateful-{pid}-*")]
        return self.said + out + err

    def kill(self) -> None:
        for process in self.seen.values():
            if process.is_running():
                process.kill()


@pytest.fixture
def run() -> Any:
    started = Run()
    yield started
    started.kill()


@pytest.mark.parametrize(
    "ending", ("Ctrl-C", *(pytest.param(ending, marks=pytest.mark.long) for ending in OTHERS))
)
def test_interrupted_run_says_how_far_it_came_and_leaves_nothing(ending: str, run: Run) -> None:
    run.go_until(" holds ")
    send, number = ENDINGS[ending]
    send(run.process.pid, number)
    said = run.end()
    assert "reference: unknown" in said
    assert "interrupted" in said
    assert run.process.returncode == 3


@pytest.mark.long
@pytest.mark.parametrize("interrupts", (2, pytest.param(1, marks=pytest.mark.long)))
def test_interrupted_run_keeps_the_violations_that_it_found(interrupts: int) -> None:
    run = Run("direct-unlink")
    try:
        run.go_until(" violated ")
        for _ in range(interrupts):
            os.killpg(run.process.pid, signal.SIGINT)
            run.go_on(1.0)
        said = run.end()
    finally:
        run.kill()
    assert "direct-unlink: violated" in said
    assert "at_most_one_owner is violated" in said
    assert run.process.returncode == 1


@pytest.mark.parametrize("after_s", (0.2, 0.8))
def test_run_that_is_interrupted_while_it_starts_ends(after_s: float, run: Run) -> None:
    run.go_on(after_s)
    os.killpg(run.process.pid, signal.SIGINT)
    run.process.communicate(timeout=LIMIT_S)


@pytest.mark.long
@pytest.mark.parametrize("number", range(150))
def test_interrupt_at_any_moment_ends_the_run(number: int, run: Run) -> None:
    run.go_on(0.6 + 2.5 * number / 150)
    os.killpg(run.process.pid, (signal.SIGINT, signal.SIGTERM)[number % 2])
    run.end()


@pytest.mark.long
def test_worker_that_is_killed_loses_only_its_job(run: Run) -> None:
    run.go_on(3)
    victim = run.workers()[0]
    victim.kill()
    run.go_on(0.5)
    run.process.send_signal(signal.SIGINT)
    del run.seen[victim.pid]  # Nothing can clean up after SIGKILL but its own directory is all that is left.
    said = run.end()
    assert "its worker ended with exit status -9" in said
    for left in Path(temporary_folder() or tempfile.gettempdir()).glob(f"stateful-{victim.pid}-*"):
        subprocess.run(["rm", "-r", left], check=True)


@pytest.mark.long
def test_workers_of_a_run_that_is_killed_end_and_clean_up(run: Run) -> None:
    run.go_on(3)
    run.process.kill()
    run.process.communicate(timeout=LIMIT_S)
    workers = [each for each in run.seen.values() if each.pid != run.process.pid]
    del run.seen[run.process.pid]  # The parent's own directory, if it has one just then, stays.
    _, alive = psutil.wait_procs(workers, timeout=15)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]
    folder = Path(temporary_folder() or tempfile.gettempdir())
    assert not [left for each in workers for left in folder.glob(f"stateful-{each.pid}-*")]


def job(number: int, tell: Any) -> None:
    if number == 3:
        raise ValueError("three")
    tell(number * number)


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker imports the job that it is given from this file."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2])


@pytest.mark.usefixtures("importable")
def test_error_of_a_job_is_raised_here() -> None:
    heard: list[int] = []
    with pytest.raises(ValueError, match="three"):
        in_parallel(job, (), [1, 2, 3], 1, heard.append, lambda *_: None)
    assert heard == [1, 4]


@pytest.mark.usefixtures("importable")
def test_every_job_is_done_once() -> None:
    heard: list[int] = []
    in_parallel(job, (), [1, 2, 4, 5, 6], 3, heard.append, lambda *_: None)
    assert sorted(heard) == [1, 4, 16, 25, 36]
