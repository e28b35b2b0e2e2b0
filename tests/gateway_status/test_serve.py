"""The causes that end ``serve``, the files left behind, and the exit status for a supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Launch = Callable[..., "subprocess.Popen[str]"]
Until = Callable[[Callable[[], Any]], Any]

RELEASED = ["gateway.guard", "gateway.lock"]


def line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def ended(child: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit status and what was said."""
    _, said = child.communicate(timeout=20)
    return child.returncode, said


def left(home: Path) -> list[str]:
    return sorted(name for name in os.listdir(home) if name in {*RELEASED, "gateway.pid"})


@pytest.mark.parametrize(
    ("serve", "status", "reason"),
    (
        ("return None", 0, "it was done"),
        ("return 5", 5, "it ended with exit status 5"),
        ("raise gateway.RestartWanted", 75, "it wants to be started again"),
        ("raise gateway.RestartWanted('new version')", 75, "new version"),
        ("raise gateway.FatalConfiguration('no token')", 78, "no token"),
        ("raise ValueError('broken')", 1, "it failed: ValueError: broken"),
        ("sys.exit(0)", 0, "it ended with exit status 0"),
        ("sys.exit(4)", 4, "it ended with exit status 4"),
        ("sys.exit('in words')", 1, "it ended with exit status 1"),
        ("os.unlink(status.host.pid_path())", 1, "it has lost its home"),
    ),
    ids=(
        "done",
        "own-status",
        "restart",
        "restart-reason",
        "configuration",
        "exception",
        "exit-0",
        "exit-4",
        "exit-words",
        "lost",
    ),
)
def test_end_of_serve_releases_and_says_why(
    launch: Launch, home: Path, serve: str, status: int, reason: str
) -> None:
    child = launch(serve)

    code, said = ended(child)

    assert code == status
    assert f"gateway: ends in {home} with exit status {status}: {reason}\n" in said
    assert left(home) == RELEASED


def test_serve_is_called_by_the_owner(launch: Launch, status: ModuleType) -> None:
    child = launch("print(status.owns_gateway(), flush=True)\nsys.stdin.readline()")

    assert (line(child), line(child)) == ("owner", "True")
    assert status.get_running_pid() == child.pid


def test_record_goes_before_the_lock(launch: Launch, home: Path) -> None:
    child = launch("""
        remove, release = status.remove_pid_file, status.release_gateway_runtime_lock
        def told(function, name):
            def call():
                print(name, status.claim.holds_lock(), os.path.exists(status.host.pid_path()), flush=True)
                function()
            return call
        status.remove_pid_file = told(remove, "remove")
        status.release_gateway_runtime_lock = told(release, "release")
    """)

    assert [line(child) for _ in range(3)] == ["owner", "remove True True", "release True False"]
    assert ended(child)[0] == 0


def test_unplanned_sigterm_exits_one(launch: Launch, home: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        child = launch()
        assert line(child) == "owner"

        child.send_signal(number)

        code, said = ended(child)
        assert code == 1
        assert f"exit status 1: {number.name} ended it, which nobody announced" in said
        assert left(home) == RELEASED


def test_lock_is_held_and_draining_goes_on_through_a_second_sigterm(
    launch: Launch, home: Path, status: ModuleType
) -> None:
    child = launch("""
        try:
            print("works", flush=True)
            time.sleep(60)
        finally:
            print("drains", flush=True)
            sys.stdin.readline()
            print("drained", flush=True)
    """)
    assert (line(child), line(child)) == ("owner", "works")
    child.terminate()
    assert line(child) == "drains"

    child.terminate()
    child.send_signal(signal.SIGINT)

    assert status.is_gateway_runtime_lock_active()
    assert status.get_running_pid() == child.pid
    contender = launch()
    assert ended(contender)[0] == 1
    assert child.stdin is not None
    child.stdin.write("go\n")
    child.stdin.flush()
    assert line(child) == "drained"
    assert ended(child)[0] == 1
    assert left(home) == RELEASED


def test_serve_may_handle_sigterm_itself(launch: Launch, home: Path) -> None:
    child = launch("""
        told = []
        signal.signal(signal.SIGTERM, lambda *_: told.append(True))
        print("ready", flush=True)
        while not told:
            time.sleep(0.01)
        return 3
    """)
    assert line(child) == "owner"
    assert line(child) == "ready"

    child.terminate()

    assert ended(child)[0] == 3
    assert left(home) == RELEASED


def test_hard_exit_leaves_a_record_that_the_next_start_reclaims(launch: Launch, home: Path) -> None:
    assert ended(launch("os._exit(3)"))[0] == 3
    assert left(home) == ["gateway.guard", "gateway.lock", "gateway.pid"]

    child = launch()

    assert line(child) == "owner"


def test_second_start_is_refused_with_the_pid_and_what_to_do(launch: Launch, home: Path) -> None:
    owner = launch()
    assert line(owner) == "owner"
    before = (home / "gateway.pid").read_bytes()

    code, said = ended(launch())

    assert code == 1
    assert said.startswith(f"gateway: one runs already in {home}: pid {owner.pid}, since 20")
    assert said.endswith(
        "stop it with `python -m gateway_status stop`, or take its place with `run --replace`\n"
    )
    assert (home / "gateway.pid").read_bytes() == before


def test_child_that_serve_forks_exits_without_a_release(
    launch: Launch, home: Path, status: ModuleType
) -> None:
    """It unwinds through the same ``finally`` and leaves by the same handlers as its parent would."""
    owner = launch("""
        import atexit
        atexit.register(status.release_gateway_runtime_lock)
        atexit.register(status.remove_pid_file)
        if child := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            sys.stdin.readline()
            return
        sys.exit(7)
    """)
    assert line(owner) == "owner"
    assert line(owner) == "7"

    assert status.is_gateway_runtime_lock_active()
    assert status.get_running_pid() == owner.pid
    assert ended(launch())[0] == 1
    code, said = ended(owner)
    assert code == 0
    assert said.count("gateway: ends") == 1
    assert left(home) == RELEASED


def test_sigterm_to_a_child_that_serve_forks_just_ends_it(launch: Launch, status: ModuleType) -> None:
    owner = launch("""
        if child := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            sys.stdin.readline()
            return
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    """)
    assert line(owner) == "owner"

    assert line(owner) == str(-signal.SIGTERM)
    assert status.get_running_pid() == owner.pid


def test_child_that_outlives_its_killed_parent_keeps_the_lock_until_it_ends(
    launch: Launch, home: Path, until: Until
) -> None:
    owner = launch("""
        child = os.fork()
        if not child:
            time.sleep(60)
            os._exit(0)
        print(child, flush=True)
        time.sleep(60)
    """)
    assert line(owner) == "owner"
    child = int(line(owner))
    owner.kill()
    owner.wait()

    code, said = ended(launch())

    os.kill(child, signal.SIGKILL)
    assert code == 1
    assert said == (
        f"gateway: another one starts in {home}, or a child of the last one still holds its lock; "
        f"`fuser {home}/gateway.lock` names it\n"
    )
    until(lambda: not os.path.exists(f"/proc/{child}") or ended(launch("return"))[0] == 0)
    assert line(launch()) == "owner"
