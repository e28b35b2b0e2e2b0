"""The remains of an owner that did not exit: zombies, stopped processes, recycled pids."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Launch = Callable[..., "subprocess.Popen[str]"]
Until = Callable[[Callable[[], Any]], Any]

ROOT = Path(__file__).parents[2]

# In a pid namespace of its own, where nobody else takes a pid: kills an owner and gives its pid to another
# program; prints the pid, what a query answers before and after, and what became of a start or a replace.
RECYCLED = """
import os, signal, subprocess, sys, time
from gateway_status import gateway, status

def spawn(*words):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-S", *words], text=True, **pipes)

owner = spawn("-m", "gateway_status", "run")
while status.get_running_pid() != owner.pid:
    time.sleep(0.01)
owner.kill()
owner.wait()
with open("/proc/sys/kernel/ns_last_pid", "w") as last:
    last.write(str(owner.pid - 1))
stranger = spawn("-c", "import sys; print('up', flush=True); sys.stdin.read()")
stranger.stdout.readline()
print(stranger.pid == owner.pid, status.get_running_pid(cleanup_stale=False))
code = gateway.run_gateway(lambda: print(status.get_running_pid() == os.getpid()), replace=True)
print(code, stranger.poll())
"""


def line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def ended(child: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit status and what was said."""
    _, said = child.communicate(timeout=20)
    return child.returncode, said


@pytest.mark.parametrize("replace", (False, True), ids=("start", "replace"))
def test_zombie_owner_is_no_owner(launch: Launch, status: ModuleType, replace: bool) -> None:
    owner = launch()
    assert line(owner) == "owner"
    os.kill(owner.pid, signal.SIGKILL)
    os.waitid(os.P_PID, owner.pid, os.WEXITED | os.WNOWAIT)
    os.kill(owner.pid, 0)  # It counts as alive for who asks like this.

    successor = launch(replace=replace)

    assert line(successor) == "owner"
    assert status.get_running_pid() == successor.pid


def test_zombie_that_a_replace_made_is_not_waited_for(launch: Launch, status: ModuleType) -> None:
    """The parent, which is this test, does not reap it before the replacer owns."""
    owner = launch()
    assert line(owner) == "owner"

    replacer = launch(replace=True, grace_s=15.0)

    assert line(replacer) == "owner"
    assert os.waitid(os.P_PID, owner.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
    assert status.get_running_pid() == replacer.pid


def test_stopped_owner_refuses_a_start_and_gives_way_to_a_replace(launch: Launch, status: ModuleType) -> None:
    owner = launch()
    assert line(owner) == "owner"
    owner.send_signal(signal.SIGSTOP)

    code, said = ended(launch())
    assert code == 1
    assert f"pid {owner.pid}" in said
    replacer = launch(replace=True, grace_s=0.2)

    assert line(replacer) == "owner"
    assert ended(owner)[0] == -signal.SIGKILL
    assert status.get_running_pid() == replacer.pid


def test_stranger_with_the_pid_of_the_owner_is_neither_trusted_nor_signalled(home: Path) -> None:
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    try:
        subprocess.run([*unshare, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a pid can be given again only in a pid namespace of one's own: {error}")

    done = subprocess.run(
        [*unshare, sys.executable, "-S", "-c", RECYCLED],
        env={"HERMES_HOME": str(home), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout.splitlines() == ["True None", "True", "0 None"], done.stderr


@pytest.mark.parametrize(
    ("different", "cmdline"),
    (
        ({"boot_id": "last"}, "cat"),
        ({"boot_id": "last"}, "hermes gateway run"),
        ({"start_time": None}, "cat"),
        ({"start_time": None, "argv": ["hermes", "gateway", "run"]}, None),
    ),
    ids=("reboot", "reboot-gateway", "null-start", "vouches-for-itself"),
)
@pytest.mark.parametrize("answer", (True, False), ids=("known-start", "unknown-start"))
def test_stranger_with_a_recorded_pid_keeps_nobody_from_the_home(
    status: ModuleType,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    different: dict[str, Any],
    cmdline: str | None,
    answer: bool,
) -> None:
    """After a reboot even the start ticks may be equal; and a record cannot say who has its pid now."""
    start_time = status.get_process_start_time(os.getppid())
    record = {"pid": os.getppid(), "start_time": start_time, "argv": [], **different}
    (home / "gateway.pid").write_text(json.dumps(record))
    monkeypatch.setattr(status, "_read_process_cmdline", lambda pid: cmdline)
    if not answer:
        monkeypatch.setattr(status, "_get_process_start_time", lambda pid: None)

    assert status.get_running_pid() is None
    assert status.acquire_gateway_runtime_lock()
    status.write_pid_file()

    assert status.owns_gateway()
