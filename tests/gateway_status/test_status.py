"""The public functions: claims, queries and releases, among real processes and on every kind of disk."""

from __future__ import annotations

import errno
import fcntl
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

Put = Callable[[Path, str], Path]
Spawn = Callable[..., "subprocess.Popen[str]"]
RACES = 12


def start(status: ModuleType) -> bool:
    """Whether the start-up sequence of a gateway ends with this process as owner."""
    if status.get_running_pid() is not None or not status.acquire_gateway_runtime_lock():
        return False
    try:
        status.write_pid_file()
    except FileExistsError:
        status.release_gateway_runtime_lock()
        return False
    return True


def put(home: Path, **record: Any) -> Path:
    path = home / "gateway.pid"
    path.write_text(json.dumps({"kind": "hermes-gateway", **record}))
    return path


def snapshot(home: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_ino, path.read_bytes()) for path in home.iterdir()}


# -- one life -------------------------------------------------------------------------------------


def test_start_on_an_empty_disk_owns_and_is_found(status: ModuleType, home: Path) -> None:
    assert start(status)

    assert status.get_running_pid() == os.getpid()
    assert status.is_gateway_running(home / "gateway.pid")
    assert status.is_gateway_runtime_lock_active()
    assert status.is_gateway_runtime_lock_active(home / "gateway.lock")
    assert status.owns_gateway()
    record = json.loads((home / "gateway.pid").read_text())
    assert record["pid"] == os.getpid()
    assert record["kind"] == "hermes-gateway"
    assert record["start_time"] == status.get_process_start_time(os.getpid())


def test_exit_removes_the_record_and_leaves_the_lock_files(status: ModuleType, home: Path) -> None:
    start(status)

    status.remove_pid_file()
    status.release_gateway_runtime_lock()

    assert sorted(os.listdir(home)) == ["gateway.guard", "gateway.lock"]
    assert status.get_running_pid() is None
    assert not status.is_gateway_runtime_lock_active()
    assert not status.owns_gateway()
    assert start(status)


def test_start_makes_its_home(status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERMES_HOME", str(home / "not" / "there"))

    assert start(status)


def test_home_is_below_the_users_without_a_variable(
    status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HERMES_HOME")
    monkeypatch.setenv("HOME", str(home))

    assert start(status)
    assert (home / ".hermes" / "gateway.pid").exists()


def test_second_write_is_refused_and_leaves_the_record(status: ModuleType, home: Path) -> None:
    start(status)
    before = snapshot(home)

    with pytest.raises(FileExistsError):
        status.write_pid_file()

    assert snapshot(home) == before


def test_second_write_is_refused_where_no_start_time_is_known(
    status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "_get_process_start_time", lambda pid: None)
    assert start(status)

    with pytest.raises(FileExistsError):
        status.write_pid_file()

    assert status.get_running_pid() == os.getpid()
    status.remove_pid_file()
    assert not (home / "gateway.pid").exists()


def test_owner_notices_a_deleted_lock_file(status: ModuleType, home: Path) -> None:
    start(status)

    (home / "gateway.lock").unlink()

    assert not status.owns_gateway()


def test_owner_notices_another_record(status: ModuleType, home: Path) -> None:
    start(status)

    put(home, pid=os.getppid(), start_time=1)

    assert not status.owns_gateway()


def test_owner_notices_that_its_descriptor_was_closed(
    status: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(status)

    def fstat(fd: int) -> os.stat_result:
        raise OSError(errno.EBADF, "Bad file descriptor")

    with monkeypatch.context() as closed:
        closed.setattr(os, "fstat", fstat)
        owns = status.owns_gateway()

    assert not owns


# -- what a dead gateway leaves behind ------------------------------------------------------------


def test_exit_of_an_owner_waits_for_nobody(status: ModuleType, home: Path) -> None:
    start(status)
    with open(home / "gateway.guard") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)

        status.remove_pid_file()

    assert not (home / "gateway.pid").exists()


def test_exit_without_a_lock_removes_its_record_too(status: ModuleType, home: Path) -> None:
    status.write_pid_file()

    status.remove_pid_file()

    assert not (home / "gateway.pid").exists()


def test_exit_leaves_the_record_of_a_namesake_in_another_container(status: ModuleType, home: Path) -> None:
    start_time = status.get_process_start_time(os.getpid())
    for record in ({}, {"start_time": 1}, {"start_time": start_time, "boot_id": "another"}):
        path = put(home, pid=os.getpid(), **record)

        status.remove_pid_file()

        assert path.exists()


def test_start_gets_past_hostile_content(status: ModuleType, home: Path, hostile: bytes) -> None:
    path = home / "gateway.pid"
    path.write_bytes(hostile)

    assert status.get_running_pid(cleanup_stale=False) is None
    assert path.read_bytes() == hostile
    assert status.get_running_pid() is None
    assert not path.exists()
    path.write_bytes(hostile)
    assert start(status)


def test_hostile_content_in_the_lock_files_changes_nothing(
    status: ModuleType, home: Path, hostile: bytes
) -> None:
    (home / "gateway.lock").write_bytes(hostile)
    (home / "gateway.guard").write_bytes(hostile)

    assert start(status)
    assert (home / "gateway.lock").read_bytes() == hostile


@pytest.mark.parametrize("kind", ["directory", "dangling-link", "link", "fifo", "socket"])
def test_start_gets_past_what_is_not_a_file(
    status: ModuleType, home: Path, put_in_the_way: Put, kind: str
) -> None:
    path = put_in_the_way(home / "gateway.pid", kind)

    assert status.get_running_pid(cleanup_stale=False) is None
    assert os.path.lexists(path)
    assert start(status)
    assert status.get_running_pid() == os.getpid()


def test_full_directory_in_the_place_of_the_record_is_a_documented_error(
    status: ModuleType, home: Path
) -> None:
    (home / "gateway.pid" / "something").mkdir(parents=True)

    assert status.get_running_pid() is None
    assert status.acquire_gateway_runtime_lock()
    with pytest.raises(status.GatewayStatusError, match="not empty"):
        status.write_pid_file()


def test_home_that_is_a_file_is_a_documented_error(
    status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").touch()
    monkeypatch.setenv("HERMES_HOME", str(home / "file"))

    assert status.get_running_pid() is None
    with pytest.raises(status.GatewayStatusError):
        status.acquire_gateway_runtime_lock()


@pytest.mark.parametrize("boot_id", [None, "another"])
def test_own_pid_of_an_earlier_life_is_replaced(status: ModuleType, home: Path, boot_id: str | None) -> None:
    start_time = status.get_process_start_time(os.getpid()) if boot_id else None
    put(home, pid=os.getpid(), start_time=start_time, boot_id=boot_id)

    assert start(status)


def test_record_without_proof_counts_only_while_the_lock_is_held(
    status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home, pid=os.getppid(), start_time=None)
    monkeypatch.setattr(status, "_get_process_start_time", lambda pid: None)
    monkeypatch.setattr(status, "_read_process_cmdline", lambda pid: None)
    before = snapshot(home)

    assert status.get_running_pid(cleanup_stale=False) is None
    assert snapshot(home) == before
    status.acquire_gateway_runtime_lock()
    assert status.get_running_pid() == os.getppid()
    status.release_gateway_runtime_lock()
    assert status.get_running_pid() is None
    assert not (home / "gateway.pid").exists()


def test_live_gateway_without_a_lock_still_counts(
    status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(home, pid=os.getppid(), start_time=None)
    monkeypatch.setattr(status, "_read_process_cmdline", lambda pid: "hermes gateway run")

    assert status.get_running_pid() == os.getppid()
    assert status.acquire_gateway_runtime_lock()
    with pytest.raises(FileExistsError, match=f"pid {os.getppid()}"):
        status.write_pid_file()
    assert path.exists()


# -- what a query may do --------------------------------------------------------------------------


def test_query_cleans_nothing_while_the_lock_is_held(status: ModuleType, home: Path, dead_pid: int) -> None:
    status.acquire_gateway_runtime_lock()
    put(home, pid=dead_pid, start_time=1)
    before = snapshot(home)

    assert status.get_running_pid() is None

    assert snapshot(home) == before
    status.write_pid_file()


def test_query_without_clean_up_changes_nothing(status: ModuleType, home: Path, dead_pid: int) -> None:
    assert status.get_running_pid(cleanup_stale=False) is None
    assert not status.is_gateway_runtime_lock_active()
    assert os.listdir(home) == []
    put(home, pid=dead_pid, start_time=1)
    before = snapshot(home)

    assert not status.is_gateway_running(cleanup_stale=False)

    assert snapshot(home) == before


def test_query_leaves_a_record_that_was_replaced_meanwhile(
    status: ModuleType, home: Path, dead_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(home, pid=dead_pid, start_time=1)
    open_ = os.open
    live = {"pid": os.getppid(), "start_time": status.get_process_start_time(os.getppid())}
    monkeypatch.setattr(status, "_read_process_cmdline", lambda pid: "hermes gateway")

    def replace_before_the_guard(name: Any, *args: Any) -> int:
        if str(name).endswith("gateway.guard"):
            put(home, **live)
        return open_(name, *args)

    monkeypatch.setattr(os, "open", replace_before_the_guard)

    assert status.get_running_pid() == os.getppid()
    assert path.exists()


def test_query_does_not_wait_to_clean_up(status: ModuleType, home: Path, dead_pid: int) -> None:
    path = put(home, pid=dead_pid, start_time=1)
    with open(home / "gateway.guard", "w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)

        assert status.get_running_pid() is None

    assert path.exists()


# -- what the system refuses ----------------------------------------------------------------------


@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOLCK, errno.EIO, errno.EOPNOTSUPP])
def test_lock_that_cannot_be_asked_is_neither_free_nor_held(
    status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    (home / "gateway.lock").touch()

    def flock(fd: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", flock)
    before = len(os.listdir("/dev/fd"))

    for function in (status.acquire_gateway_runtime_lock, status.is_gateway_runtime_lock_active):
        with pytest.raises(status.GatewayStatusError, match=os.strerror(code)) as caught:
            function()
        assert caught.value.errno == code
    assert len(os.listdir("/dev/fd")) == before


def test_record_that_cannot_be_read_is_a_documented_error(
    status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home, pid=1)

    def refuse(*args: Any) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", "gateway.pid")

    monkeypatch.setattr(os, "open", refuse)

    with pytest.raises(status.GatewayStatusError, match=r"could not tell.*Permission denied"):
        status.get_running_pid()


def test_clean_up_that_is_refused_still_answers(
    status: ModuleType, home: Path, dead_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home, pid=dead_pid, start_time=1)

    def refuse(*args: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "unlink", refuse)

    assert status.get_running_pid() is None


def test_failed_write_leaves_the_home_claimable(
    status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(os, "write", fail)
        with pytest.raises(status.GatewayStatusError, match="No space"):
            start(status)
    status.release_gateway_runtime_lock()

    assert start(status)


def test_only_documented_errors_are_listed(status: ModuleType) -> None:
    assert status.documented_errors == (status.GatewayStatusError, FileExistsError)


# -- real processes -------------------------------------------------------------------------------


def outcome(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def test_killed_owner_is_replaced(status: ModuleType, home: Path, spawn: Spawn) -> None:
    owner = spawn()
    assert outcome(owner) == "owner"
    assert status.get_running_pid() == owner.pid
    assert status.is_gateway_runtime_lock_active()
    assert outcome(spawn()) == "refused by the record"
    with pytest.raises(FileExistsError):
        status.write_pid_file()

    # It stays a zombie until the end of the test, for nobody waits for it here.
    os.kill(owner.pid, signal.SIGKILL)
    os.waitid(os.P_PID, owner.pid, os.WEXITED | os.WNOWAIT)

    assert status.get_running_pid(cleanup_stale=False) is None
    assert (home / "gateway.pid").exists()
    assert outcome(spawn()) == "owner"


def test_owner_that_exits_leaves_no_record(home: Path, spawn: Spawn) -> None:
    owner = spawn()
    assert outcome(owner) == "owner"

    owner.communicate()

    assert owner.returncode == 0
    assert sorted(os.listdir(home)) == ["gateway.guard", "gateway.lock"]


def test_contender_that_has_not_written_yet_refuses_the_others(status: ModuleType, spawn: Spawn) -> None:
    assert status.acquire_gateway_runtime_lock()

    assert outcome(spawn()) == "refused by the lock"

    status.write_pid_file()
    assert status.owns_gateway()


def test_two_starts_on_a_stale_record_make_one_owner(home: Path, spawn: Spawn, dead_pid: int) -> None:
    for _ in range(RACES):
        put(home, pid=dead_pid, start_time=1)
        contenders = [spawn(at_a_line=True), spawn(at_a_line=True)]
        for contender in contenders:
            assert outcome(contender) == "ready"
        for contender in contenders:
            assert contender.stdin is not None
            contender.stdin.write("go\n")
            contender.stdin.flush()
        outcomes = [outcome(contender) for contender in contenders]
        assert sorted(outcomes)[0] == "owner"
        assert sorted(outcomes)[1].startswith("refused")
        for contender in contenders:
            contender.kill()
            contender.communicate()


def test_forked_child_that_exits_releases_nothing(status: ModuleType, home: Path) -> None:
    start(status)
    before = snapshot(home)

    child = os.fork()
    if child == 0:
        code = 1
        try:
            owned = status.owns_gateway()
            status.remove_pid_file()
            status.release_gateway_runtime_lock()
            took = status.acquire_gateway_runtime_lock()
            code = 10 * owned + 20 * took
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    assert snapshot(home) == before
    assert status.owns_gateway()


# -- seams ----------------------------------------------------------------------------------------


def test_seams_are_looked_up_by_name(status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def answer(name: str, value: Any) -> Any:
        def stub(*args: Any) -> Any:
            asked.append(name)
            return value

        monkeypatch.setattr(status, name, stub)

    answer("_get_pid_path", home / "sub" / "gateway.pid")
    answer("_read_json_file", {"pid": 4242, "start_time": 7})
    answer("_get_process_start_time", 7)
    answer("_read_process_cmdline", "hermes gateway run")
    monkeypatch.setattr(status.os, "kill", lambda pid, number: asked.append("kill"))

    assert status.get_running_pid() == 4242
    assert asked == [
        "_get_pid_path",
        "_read_json_file",
        "kill",
        "_get_process_start_time",
        "_read_process_cmdline",
    ]
    monkeypatch.setattr(status, "_IS_WINDOWS", True)
    monkeypatch.setitem(sys.modules, "psutil", None)
    asked.clear()
    assert status.get_running_pid(home / "gateway.pid") == 4242
    assert asked == ["_read_json_file", "_get_process_start_time", "_read_process_cmdline"]

    answer("_read_json_file", None)
    answer("_write_json_file", None)
    status.write_pid_file()
    assert asked[-1] == "_write_json_file"
    assert not (home / "sub" / "gateway.pid").exists()
