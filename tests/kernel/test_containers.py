"""Two pid namespaces that share a home: each process is pid 1, sees no other process, and shares the locks.

The same function examines a second container, on the kernel and, where that is permitted, on the host,
while the process in the first one holds a lock and has left a record.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from stateful.model.images import DiskImage
from stateful.model.machine import Machine
from stateful.model.scenario import Cast, Scenario
from stateful.model.schedule import Move
from stateful.run.execution import Execution

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Stage

LOOK = """
import errno, fcntl, os, psutil

def attempt(function, *args):
    try:
        return function(*args)
    except OSError as error:
        return errno.errorcode[error.errno]

def boot():
    return open("/proc/sys/kernel/random/boot_id").read()

def look(home):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR)
    if attempt(fcntl.flock, fd, fcntl.LOCK_EX | fcntl.LOCK_NB) is None:
        (home / "record").write_text(f"{os.getpid()} {boot()}")
        return
    pid, boot_id = (home / "record").read_text().split()
    (home / "seen").write_text(repr({
        "own pid": os.getpid(),
        "the other's pid": int(pid),
        "the same boot": boot_id == boot().strip(),
        "proc": sorted(int(name) for name in os.listdir("/proc") if name.isdecimal()),
        "psutil": psutil.pids(),
        "kill 1": attempt(os.kill, 1, 0),
        "kill 2": attempt(os.kill, 2, 0),
        "pidfd of 2": attempt(os.pidfd_open, 2),
        "stat of 2": attempt(os.stat, "/proc/2"),
        "self": open("/proc/self/stat").read().split()[0],
    }))
"""
SEEN = {
    "own pid": 1,
    "the other's pid": 1,
    "the same boot": True,
    "proc": [1],
    "psutil": [1],
    "kill 1": None,
    "kill 2": "ESRCH",
    "pidfd of 2": "ESRCH",
    "stat of 2": "ENOENT",
    "self": "1",
}
CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c")
TELL = "\nimport pathlib, sys\nlook(pathlib.Path(sys.argv[1]))\nprint(flush=True)\nsys.stdin.read()\n"


def test_container_of_the_kernel_sees_only_itself(stage: Stage) -> None:
    subject = stage.write("look(home)", LOOK)
    cast = Cast("contract", "two containers", ("start", "start"))
    scenario = Scenario(cast, DiskImage("contract", "empty disk", machine=Machine(containers=True)))
    with Execution(subject, scenario, judged=False) as execution:
        stage.finish(execution, "A")
        assert ast.literal_eval(stage.finish(execution, "B").files["seen"]) == SEEN
        execution.make(Move("crash", "B"))
        assert execution.processes()["A"].alive


def test_container_of_the_host_sees_only_itself(tmp_path: Path) -> None:
    try:
        subprocess.run([*CONTAINER, ""], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this user may make no pid namespace")
    command = [*CONTAINER, LOOK + TELL, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as first:
        assert first.stdout is not None
        first.stdout.readline()
        subprocess.run(command, check=True, input=b"", capture_output=True)
        first.communicate(b"")
    assert ast.literal_eval((tmp_path / "seen").read_text()) == SEEN


def test_processes_may_have_started_in_one_tick() -> None:
    machine = Machine(containers=True, together="AB")
    a, b, c = map(machine.who, "ABC")
    assert (a.pid, a.start_ticks) == (b.pid, b.start_ticks)
    assert c.start_ticks > b.start_ticks
    assert a.namespace != b.namespace
