"""The doctor's report on a home: the owner, stale files and why they are stale, and what prevents a start."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway_status import doctor
from gateway_status.__main__ import main

Launch = Callable[..., "subprocess.Popen[str]"]
ABSENT = {
    "gateway.pid": "is not there",
    "gateway.lock": "is not there",
    "gateway.guard": "is not there",
    "gateway_state.json": "is not there",
    ".gateway-takeover.json": "is not there",
    ".gateway-planned-stop.json": "is not there",
    "gateway-starts.log": "is not there",
}
CLAIMED_BEFORE = {
    "gateway.lock": "is free: nobody owns this home",
    "gateway.guard": "is free, as it should be",
}


@pytest.fixture
def says(home: Path) -> Callable[[], dict[str, str]]:
    """What is said of the files that are there."""

    def ask() -> dict[str, str]:
        found = {finding.name: finding for finding in doctor.findings(home)}
        assert list(found) == list(ABSENT)
        return {name: each.says for name, each in found.items() if each.says != ABSENT[name]}

    return ask


def blocking(home: Path) -> list[str]:
    return [finding.name for finding in doctor.findings(home) if finding.blocks]


def line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def test_answer_about_an_empty_home(
    home: Path, status: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor"]) == 0

    assert capsys.readouterr().out == (
        f"{home}:\n"
        "  gateway.pid                 is not there\n"
        "  gateway.lock                is not there\n"
        "  gateway.guard               is not there\n"
        "  gateway_state.json          is not there\n"
        "  .gateway-takeover.json      is not there\n"
        "  .gateway-planned-stop.json  is not there\n"
        "  gateway-starts.log          is not there\n"
        "No gateway runs, and one can start: `python -m gateway_status run`.\n"
    )


def test_answer_about_a_gateway_that_runs(
    launch: Launch, home: Path, says: Callable[[], dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    owner = launch()
    assert line(owner) == "owner"
    since = json.loads((home / "gateway.pid").read_text())["since"]

    found = says()

    assert found["gateway.pid"] == (
        f"names pid {owner.pid}, since {since}, the gateway: "
        f"process {owner.pid} has run since, by its start time"
    )
    assert found["gateway.lock"] == "is locked: the gateway owns this home"
    assert found["gateway.guard"] == "is free, as it should be"
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.endswith(
        f"A gateway runs: pid {owner.pid}, since {since}. Stop it with `python -m gateway_status stop`.\n"
    )


def test_answer_about_what_a_killed_gateway_left(
    launch: Launch, home: Path, says: Callable[[], dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    owner = launch()
    assert line(owner) == "owner"
    since = json.loads((home / "gateway.pid").read_text())["since"]
    owner.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, owner.pid, os.WEXITED | os.WNOWAIT)
    text = f"is stale, of pid {owner.pid}, since {since}: {{}}; the next start replaces it"

    zombie = f"process {owner.pid} has ended, and waits to be reaped by its parent"
    assert says()["gateway.pid"] == text.format(zombie)
    owner.wait()
    assert says()["gateway.pid"] == text.format(f"no process has pid {owner.pid}")

    assert CLAIMED_BEFORE.items() <= says().items()
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.endswith(
        "No gateway runs, and one can start: `python -m gateway_status run`.\n"
    )


@pytest.mark.parametrize(
    ("record", "text"),
    (
        ({"start_time": 1}, "is stale, of {pid}: {pid} belongs to another process now, by its start time; "),
        ({"boot_id": "last"}, "is stale, of {pid}: it was written before this boot; "),
        ({}, "is stale, of {pid}: {pid} belongs to another program now, by its command line; "),
        ({"pid": -1}, "holds no record; "),
    ),
    ids=("recycled", "reboot", "stranger", "hostile"),
)
def test_stale_record_is_said_to_be_so_and_why(
    home: Path, says: Callable[[], dict[str, str]], record: dict[str, Any], text: str
) -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(["cat"], stdin=pipe, stdout=pipe) as stranger:
        assert stranger.stdin is not None
        assert stranger.stdout is not None
        stranger.stdin.write(b"\n")
        stranger.stdin.flush()
        stranger.stdout.readline()  # It has a command line by now, which it has not while exec goes on.
        (home / "gateway.pid").write_text(json.dumps({"pid": stranger.pid, **record}))

        assert says() == {
            "gateway.pid": text.format(pid=f"pid {stranger.pid}") + "the next start replaces it"
        }


def test_lock_that_a_child_of_a_dead_gateway_holds_keeps_a_start_from_the_home(
    home: Path, says: Callable[[], dict[str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    with open(home / "gateway.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        assert says()["gateway.lock"] == (
            "is locked, although no gateway is found: one starts just now, or a child of the last one still "
            f"holds it; `fuser {home}/gateway.lock` names the process"
        )
        assert main(["doctor"]) == 1

    assert capsys.readouterr().out.endswith(
        "No gateway is found, and none can start before something is done about gateway.lock.\n"
    )
    assert main(["doctor"]) == 0


def test_busy_guard_is_told_and_not_waited_for(home: Path, says: Callable[[], dict[str, str]]) -> None:
    (home / "gateway.lock").touch()
    with open(home / "gateway.guard", "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)

        found = says()

    assert found["gateway.lock"] == "is not looked at while somebody is behind gateway.guard"
    assert found["gateway.guard"] == (
        "is locked: somebody starts or cleans up; if for long, that process is stuck, and keeps all waiting; "
        f"`fuser {home}/gateway.guard` names the process"
    )


def test_lock_without_a_guard_is_looked_at_and_nothing_is_made(
    home: Path, says: Callable[[], dict[str, str]]
) -> None:
    (home / "gateway.lock").touch()

    assert says() == {"gateway.lock": "is free: nobody owns this home"}

    assert os.listdir(home) == ["gateway.lock"]


def test_gateway_of_an_older_version_is_told_by_its_free_lock(
    launch: Launch, home: Path, says: Callable[[], dict[str, str]], status: ModuleType
) -> None:
    (home / "gateway.lock").touch()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as older:
        start_time = status.get_process_start_time(older.pid)
        record = {"pid": older.pid, "start_time": start_time, "boot_id": doctor.identity.boot_id()}
        (home / "gateway.pid").write_text(json.dumps(record))

        assert says()["gateway.lock"] == (
            "is free, although a gateway runs: it is of an older version, or of another home"
        )


@pytest.mark.parametrize(
    ("kind", "text", "lock_text"),
    (
        ("directory", "is a directory; the next start removes it", None),
        (
            "link",
            "is a symbolic link, which is not followed; the next write takes its place",
            "is a symbolic link, which is not followed; remove it",
        ),
        ("fifo", "is no regular file; the next write takes its place", "is no regular file; remove it"),
    ),
    ids=("directory", "link", "fifo"),
)
def test_what_is_no_file_is_told(
    home: Path,
    says: Callable[[], dict[str, str]],
    put_in_the_way: Callable[[Path, str], Path],
    kind: str,
    text: str,
    lock_text: str | None,
) -> None:
    put_in_the_way(home / "gateway.pid", kind)
    assert says() == {"gateway.pid": text}
    assert blocking(home) == []

    put_in_the_way(home / "gateway.lock", kind) if kind != "link" else (home / "gateway.lock").symlink_to(
        "no"
    )

    assert says()["gateway.lock"] == (lock_text or text)
    assert blocking(home) == (["gateway.lock"] if lock_text else [])


def test_full_directory_is_to_be_moved_away(home: Path, says: Callable[[], dict[str, str]]) -> None:
    (home / "gateway.pid" / "something").mkdir(parents=True)

    assert says() == {"gateway.pid": "is a directory; move it away"}
    assert blocking(home) == ["gateway.pid"]


def test_markers_are_told(home: Path, status: ModuleType, says: Callable[[], dict[str, str]]) -> None:
    status.write_takeover_marker(os.getppid())
    (home / ".gateway-planned-stop.json").write_text('{"written_at": "2026-01-01T00:00:00+00:00"}')

    found = says()

    written = json.loads((home / ".gateway-takeover.json").read_text())["written_at"]
    assert found[".gateway-takeover.json"] == (
        f"tells pid {os.getppid()} that its end is planned, since {written}"
    )
    assert found[".gateway-planned-stop.json"] == (
        "is a marker that counts no more; whoever reads it next removes it"
    )


def test_state_of_a_killed_gateway_is_told_to_be_old(home: Path, says: Callable[[], dict[str, str]]) -> None:
    path = home / "gateway_state.json"
    for content, text in (
        ("{}", "holds no runtime status; the next gateway replaces it"),
        (
            '{"gateway_state": "stopped", "pid": 5, "exit_reason": "it was done"}',
            "says stopped, by pid 5: it was done",
        ),
        (
            '{"gateway_state": "running", "pid": 5}',
            "says running, by pid 5, which is so no more: that gateway was killed",
        ),
    ):
        path.write_text(content)

        assert says() == {"gateway_state.json": text}


def test_ledger_is_counted(home: Path, says: Callable[[], dict[str, str]]) -> None:
    (home / "gateway-starts.log").write_text("1\n2\n")

    assert says() == {"gateway-starts.log": "tells of 2 starts"}


def test_home_that_is_not_there_is_no_obstacle(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HERMES_HOME", str(home / "new"))

    assert main(["doctor"]) == 0

    assert capsys.readouterr().out == (
        f"{home}/new:\n"
        "  home  is not there; the first start makes it\n"
        "No gateway runs, and one can start: `python -m gateway_status run`.\n"
    )


def test_nothing_that_the_doctor_looks_at_is_changed(
    home: Path, hostile: bytes, says: Callable[[], dict[str, str]]
) -> None:
    for name in ABSENT:
        (home / name).write_bytes(hostile)

    says()

    assert {path.name: path.read_bytes() for path in home.iterdir()} == dict.fromkeys(ABSENT, hostile)
