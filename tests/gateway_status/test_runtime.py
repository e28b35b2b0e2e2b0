"""The state file: what an update changes, what it never loses, and which pid it records."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

from gateway_status.record import MAX_FILE_BYTES

Put = Callable[[Path, str], Path]
Race = Callable[..., "list[subprocess.Popen[str]]"]
UPDATES = (pytest.param(20, id="20-updates"), pytest.param(1_000, id="1000-updates", marks=pytest.mark.long))

WRITER = """
name, times = sys.argv[1].split("=")
for number in range(int(times)):
    status.write_runtime_status(platform=f"{name}-{number % 10}", platform_state=str(number))
"""


def state(home: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((home / "gateway_state.json").read_text())
    return content


def stand(home: Path, **fields: Any) -> Path:
    path = home / "gateway_state.json"
    path.write_text(json.dumps(fields))
    return path


# -- what an update says --------------------------------------------------------------------------


def test_first_update_says_who_wrote_it_and_when(status: ModuleType, home: Path) -> None:
    before = datetime.now(UTC)

    status.write_runtime_status(gateway_state="running", active_agents=2)

    written = state(home)
    assert written["pid"] == os.getpid()
    assert written["start_time"] == status.get_process_start_time(os.getpid())
    assert written["kind"] == "hermes-gateway"
    assert written["argv"] == sys.argv
    assert (written["gateway_state"], written["active_agents"]) == ("running", 2)
    assert (written["exit_reason"], written["restart_requested"], written["platforms"]) == (None, False, {})
    assert before <= datetime.fromisoformat(written["updated_at"]) <= datetime.now(UTC)
    assert status.read_runtime_status() == written


def test_nothing_is_read_where_nothing_was_written(status: ModuleType, home: Path) -> None:
    assert status.read_runtime_status() is None
    assert os.listdir(home) == []


def test_state_file_is_private(status: ModuleType, home: Path) -> None:
    status.write_runtime_status()

    assert (home / "gateway_state.json").stat().st_mode & 0o777 == 0o600


def test_omitted_field_keeps_what_stands_and_none_clears_it(status: ModuleType, home: Path) -> None:
    status.write_runtime_status(gateway_state="failed", exit_reason="conflict", restart_requested=True)

    status.write_runtime_status(gateway_state="running", exit_reason=None)

    written = state(home)
    assert (written["gateway_state"], written["exit_reason"]) == ("running", None)
    assert written["restart_requested"] is True


def test_platform_is_updated_alone(status: ModuleType, home: Path) -> None:
    status.write_runtime_status(platform="discord", platform_state="connected")
    status.write_runtime_status(
        platform="telegram", platform_state="fatal", error_code="conflict", error_message="another poller"
    )
    discord = state(home)["platforms"]["discord"]

    status.write_runtime_status(platform="telegram", platform_state="connected", error_code=None)

    platforms = state(home)["platforms"]
    assert platforms["discord"] == discord
    telegram = platforms["telegram"]
    assert telegram.pop("updated_at") > discord["updated_at"]
    assert telegram == {"state": "connected", "error_code": None, "error_message": "another poller"}


@pytest.mark.parametrize("platform", [{}, {"platform": None}], ids=["omitted", "none"])
def test_platform_fields_without_a_platform_change_none(
    status: ModuleType, home: Path, platform: dict[str, None]
) -> None:
    status.write_runtime_status(platform="telegram", platform_state="connected")
    before = state(home)["platforms"]

    status.write_runtime_status(platform_state="fatal", error_code="conflict", **platform)

    assert state(home)["platforms"] == before


def test_state_keeps_old_pid_never_after_a_restart(status: ModuleType, home: Path) -> None:
    stand(
        home,
        pid=4242,
        start_time=7,
        argv=["old"],
        kind="other",
        boot_id="another",
        exit_reason="killed",
        detail="kept",
        platforms={"telegram": {"state": "connected", "updated_at": "2020-01-01T00:00:00+00:00"}},
    )

    status.write_runtime_status(gateway_state="starting")

    written = state(home)
    assert (written["pid"], written["kind"], written["argv"]) == (os.getpid(), "hermes-gateway", sys.argv)
    assert written["start_time"] == status.get_process_start_time(os.getpid())
    assert written["boot_id"] != "another"
    # What an earlier life said stays, with the time at which it said so.
    assert (written["exit_reason"], written["detail"]) == ("killed", "kept")
    assert written["platforms"]["telegram"]["updated_at"].startswith("2020")


def test_phantom_owner_is_not_made_of_a_state_file(status: ModuleType, home: Path) -> None:
    stand(home, pid=os.getppid(), start_time=status.get_process_start_time(os.getppid()))

    assert status.get_running_pid() is None
    assert not status.is_gateway_runtime_lock_active()


# -- what stands in the way -----------------------------------------------------------------------


def test_hostile_content_is_no_state_and_is_replaced(status: ModuleType, home: Path, hostile: bytes) -> None:
    (home / "gateway_state.json").write_bytes(hostile)

    standing = status.read_runtime_status()
    assert standing is None or isinstance(standing, dict)
    status.write_runtime_status(gateway_state="running", platform="telegram", platform_state="connected")

    assert status.read_runtime_status()["gateway_state"] == "running"
    assert status.read_runtime_status()["platforms"]["telegram"]["state"] == "connected"


@pytest.mark.parametrize("kind", ["directory", "dangling-link", "link", "fifo", "socket"])
def test_what_is_not_a_file_is_replaced_and_not_followed(
    status: ModuleType, home: Path, put_in_the_way: Put, kind: str
) -> None:
    put_in_the_way(home / "gateway_state.json", kind)

    assert status.read_runtime_status() is None
    status.write_runtime_status(gateway_state="running")

    assert state(home)["pid"] == os.getpid()
    assert not (home / "nowhere").exists()
    if kind == "link":
        assert (home / "elsewhere").read_text() == '{"pid": 5}'


@pytest.mark.parametrize(
    "platforms",
    [5, [], {"telegram": "connected"}, {"telegram": [[]]}, {"telegram": {"state": {"deep": {}}}}],
    ids=["number", "list", "text", "nested-list", "nested-object"],
)
def test_platforms_of_another_shape_are_dropped(status: ModuleType, home: Path, platforms: Any) -> None:
    stand(home, platforms=platforms)

    status.write_runtime_status(platform="telegram", platform_state="connected")

    assert state(home)["platforms"]["telegram"]["state"] == "connected"


@pytest.mark.parametrize("depth", [1, 500, 980, 2_000, 9_000, 20_000])
def test_nested_field_of_nobodys_is_not_written_again(status: ModuleType, home: Path, depth: int) -> None:
    (home / "gateway_state.json").write_text('{"old": ' + "[" * depth + "]" * depth + "}")

    status.write_runtime_status(gateway_state="running")

    assert state(home)["gateway_state"] == "running"
    assert "old" not in state(home)


def test_what_was_written_can_be_read_again(status: ModuleType, home: Path) -> None:
    # Short in UTF-8, too long as the ASCII that is written.
    (home / "gateway_state.json").write_text(json.dumps({"old": "é" * 30_000}, ensure_ascii=False))

    status.write_runtime_status(gateway_state="running", exit_reason="x" * MAX_FILE_BYTES)

    assert status.read_runtime_status()["gateway_state"] == "running"
    assert status.read_runtime_status()["exit_reason"] == "x" * 1_000


def test_full_disk_leaves_what_stood(status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    status.write_runtime_status(gateway_state="running")

    def fail(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "write", fail)
        with pytest.raises(status.GatewayStatusError, match="No space"):
            status.write_runtime_status(gateway_state="stopped")

    assert status.read_runtime_status()["gateway_state"] == "running"


def test_home_that_is_a_file_is_a_documented_error(
    status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").touch()
    monkeypatch.setenv("HERMES_HOME", str(home / "file"))

    assert status.read_runtime_status() is None
    with pytest.raises(status.GatewayStatusError):
        status.write_runtime_status()


# -- several at a time ----------------------------------------------------------------------------


@pytest.mark.parametrize("times", UPDATES)
def test_lost_update_does_not_happen_among_processes(
    status: ModuleType, home: Path, race: Race, times: int
) -> None:
    status.write_runtime_status(gateway_state="running")
    names = ("discord", "signal", "slack", "telegram")

    writers = race(WRITER, *(f"{name}={times}" for name in names))

    # A reader sees a whole state each time: TornRead.
    while any(writer.poll() is None for writer in writers):
        assert status.read_runtime_status()["gateway_state"] == "running"
    assert [writer.returncode for writer in writers] == [0] * len(names)
    states = {name: platform["state"] for name, platform in state(home)["platforms"].items()}
    assert states == {
        f"{name}-{number % 10}": str(number) for name in names for number in range(times - 10, times)
    }
    assert state(home)["pid"] in [writer.pid for writer in writers]


def test_lost_update_does_not_happen_among_threads(status: ModuleType, home: Path) -> None:
    def update(name: str) -> None:
        for number in range(30):
            status.write_runtime_status(platform=name, platform_state=str(number))

    threads = [threading.Thread(target=update, args=[name]) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {name: each["state"] for name, each in state(home)["platforms"].items()} == dict.fromkeys(
        "abcd", "29"
    )


def test_signal_handler_in_the_middle_of_an_update_is_told_so(
    status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int | None] = []

    def handle(number: int, frame: FrameType | None) -> None:
        try:
            status.write_runtime_status(gateway_state="stopping")
        except status.GatewayStatusError as error:
            told.append(error.errno)

    write = status._write_json_file

    def interrupted(path: Path, payload: dict[str, Any]) -> None:
        signal.raise_signal(signal.SIGUSR1)
        write(path, payload)

    monkeypatch.setattr(status, "_write_json_file", interrupted)
    previous = signal.signal(signal.SIGUSR1, handle)
    try:
        status.write_runtime_status(gateway_state="running")
    finally:
        signal.signal(signal.SIGUSR1, previous)

    assert told == [errno.EDEADLK]
    assert state(home)["gateway_state"] == "running"
