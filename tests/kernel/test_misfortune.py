"""Answers on a failing disk and of failing calls: kernel and host, for faults that the host can produce.

The host can produce a full and a read-only disk, a lack of descriptors, a short write, and a recycled pid. It
cannot produce the others here: EIO needs a broken device, ENOLCK a network file system without its lock
daemon, and EINTR from close a network file system too; setting the wall clock, a suspension or a reboot
would affect the whole machine. The rights of other users are in ``test_other_user.py``. Removed and
overwritten files are effects of another process and are in the scripts.
"""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from stateful.model.call import Errno
from stateful.model.schedule import STEP, Move, parse_schedule
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.python.guard import Watchdog
from stateful.run.execution import Execution
from stateful.run.replay import replay

MISFORTUNE = Path(__file__).parent / "misfortune.py"
NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")


def on_the_host(what: str, folder: Path, *before: str) -> list[str]:
    command = [*before, sys.executable, str(MISFORTUNE), what, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def on_the_kernel(fault: str) -> list[str]:
    """What a process answers to whom the fault happens after another has prepared the home."""
    with Watchdog(), Execution(find_subject(str(MISFORTUNE)), find_scenario("any-empty")) as execution:
        for word in ("start-A", fault, "start-B"):
            execution.make(*parse_schedule(word))
            for letter, process in execution.processes().items():
                while process.alive:
                    execution.make(Move(STEP, letter))
        outcome = execution.processes()["B"].outcome
        assert outcome is not None
        return str(outcome.value).removeprefix("RuntimeError: ").split(" | ")


@pytest.mark.parametrize(("fault", "what"), (("disk-full", "full"), ("read-only", "read_only")))
def test_failing_disk_answers_as_the_hosts_does(fault: str, what: str, tmp_path: Path) -> None:
    try:
        expected = on_the_host(what, tmp_path, *NAMESPACE)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no mount namespace here: {error}")
    answers = on_the_kernel(fault)
    assert answers[: len(expected)] == expected


def test_pid_that_was_given_away_answers_as_the_hosts_does(tmp_path: Path) -> None:
    namespace = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc")
    try:
        expected = on_the_host("recycled", tmp_path, *namespace)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no pid namespace here in which the next pid can be chosen: {error}")
    subject = find_subject(f"{MISFORTUNE}:watcher")
    with Watchdog(), Execution(subject, find_scenario("any-empty")) as execution:
        for move in parse_schedule("start-A start-B B1 crash-A recycle-A"):
            execution.make(move)
        watcher = execution.processes()["B"]
        while watcher.alive:
            execution.make(Move(STEP, "B"))
        assert watcher.outcome is not None
        assert str(watcher.outcome.value).removeprefix("RuntimeError: ").split(" | ") == expected


def test_write_that_is_cut_short_writes_what_it_says(tmp_path: Path) -> None:
    assert on_the_host("short", tmp_path) == ["6"]
    assert (tmp_path / "short").read_bytes() == b"eight "
    subject = tmp_path / "subject.py"
    subject.write_text("""import os
def gateway(home, serve):
    fd = os.open(home / "short", os.O_CREAT | os.O_WRONLY)
    raise RuntimeError(str(os.write(fd, b"eight by")))
""")
    trace = replay(
        find_subject(str(subject)), find_scenario("any-empty"), parse_schedule("start-A A1 short-A")
    )
    with Watchdog(), Execution(find_subject(str(subject)), find_scenario("any-empty")) as execution:
        for move in (*trace.moves, Move(STEP, "A")):
            execution.make(move)
        outcome = execution.processes()["A"].outcome
        assert outcome is not None
        assert outcome.value == "RuntimeError: 4"
        content = execution.kernel.disk().file("/home/user/.hermes/short")
        assert content is not None
        assert content.content == b"eigh"


def test_no_descriptor_left_is_emfile(tmp_path: Path) -> None:
    assert on_the_host("no_descriptors", tmp_path) == ["EMFILE"]
    trace = replay(
        find_subject("direct-unlink"), find_scenario("one-start-empty"), parse_schedule("emfile-A")
    )
    assert trace.steps[-1].answer == Errno(errno.EMFILE)


@pytest.mark.parametrize(
    ("fault", "ahead"),
    [("suspend+60", {"wall": 60, "since boot": 60}), ("clock+60", {"wall": 60, "boot": 60})],
)
def test_suspension_moves_the_clocks_that_go_on_and_not_the_time_of_boot(
    fault: str, ahead: dict[str, int], tmp_path: Path
) -> None:
    subject = tmp_path / "subject.py"
    subject.write_text("""import os, time
def times():
    boot = open("/proc/stat").read().split("btime ")[1].split()[0]
    return {
        "wall": time.time(),
        "monotonic": time.monotonic(),
        "since boot": time.clock_gettime(time.CLOCK_BOOTTIME),
        "boot": int(boot),
    }
def gateway(home, serve):
    before = times()
    os.mkdir(home / "x")
    os.mkdir(home / "y")
    after = times()
    moved = {name: round(after[name] - before[name]) for name in before}
    raise RuntimeError({name: seconds for name, seconds in moved.items() if seconds})
""")
    with Watchdog(), Execution(find_subject(str(subject)), find_scenario("any-empty")) as execution:
        execution.make(parse_schedule("start-A")[0])
        process = execution.processes()["A"]
        while not process.pending or process.pending.name != "mkdir":
            execution.make(Move(STEP, "A"))
        execution.make(parse_schedule(fault)[0])
        while process.alive:
            execution.make(Move(STEP, "A"))
        assert process.outcome is not None
        assert process.outcome.value == f"RuntimeError: {ahead}"
