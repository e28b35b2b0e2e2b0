"""Scoped locks: which process gets one, how it is released, and odd files in place of one."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway_status import identity, locks

Run = Callable[..., "subprocess.Popen[str]"]
Race = Callable[..., "list[subprocess.Popen[str]]"]
SCOPE, TOKEN = "telegram-bot-token", "123456:secret"
NAME = f"{SCOPE}-{hashlib.sha256(TOKEN.encode()).hexdigest()[:16]}.lock"
ROUNDS = (pytest.param(5, id="5-rounds"), pytest.param(200, id="200-rounds", marks=pytest.mark.long))

# Says whether it got the lock, keeps it until it is told to go, and leaves without a release.
HOLDER = """
import sys
from gateway_status import status
print(status.acquire_scoped_lock(sys.argv[1], "123456:secret")[0], flush=True)
sys.stdin.read()
"""
# Takes and gives back the lock again and again; a folder proves that it is alone meanwhile.
CONTENDER = """
import os
for number in range(100):
    if status.acquire_scoped_lock("telegram-bot-token", "123456:secret")[0]:
        os.mkdir(sys.argv[1])
        os.rmdir(sys.argv[1])
        status.release_scoped_lock("telegram-bot-token", "123456:secret")
print("done", flush=True)
"""


@pytest.fixture
def path(home: Path) -> Path:
    return home / "locks" / NAME


@pytest.fixture(autouse=True)
def _no_lock_is_left(status: ModuleType) -> Iterator[None]:
    yield
    importlib.import_module("gateway_status.status").release_all_scoped_locks()


def acquire(status: ModuleType, **metadata: Any) -> bool:
    acquired: bool = status.acquire_scoped_lock(SCOPE, TOKEN, metadata)[0]
    return acquired


def stand(path: Path, **record: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"kind": "hermes-gateway", **record}))
    return path


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))


# -- one life -------------------------------------------------------------------------------------


def test_free_lock_is_acquired_and_says_whose_it_is(status: ModuleType, path: Path) -> None:
    assert status.acquire_scoped_lock(SCOPE, TOKEN, {"platform": "telegram"}) == (True, None)

    record = json.loads(path.read_text())
    assert record["pid"] == os.getpid()
    assert record["start_time"] == status.get_process_start_time(os.getpid())
    assert record["boot_id"] == identity.boot_id()
    assert (record["kind"], record["scope"]) == ("hermes-gateway", SCOPE)
    assert record["identity_hash"] in NAME
    assert record["metadata"] == {"platform": "telegram"}
    assert "argv" in record and "updated_at" in record


def test_identity_is_written_nowhere(status: ModuleType, home: Path, path: Path) -> None:
    acquire(status)

    for file in (home / "locks").iterdir():
        assert TOKEN not in file.name
        assert TOKEN not in file.read_text()


def test_files_are_private_and_not_inherited(status: ModuleType, home: Path, path: Path) -> None:
    before = {int(name) for name in os.listdir("/dev/fd")}
    acquire(status)

    assert {file.name: file.stat().st_mode & 0o777 for file in (home / "locks").iterdir()} == {
        NAME: 0o600,
        locks.GUARD_FILE: 0o600,
    }
    taken = {int(name) for name in os.listdir("/dev/fd")} - before
    assert not any(os.get_inheritable(number) for number in taken if _is_open(number))


def _is_open(number: int) -> bool:
    return os.path.exists(f"/dev/fd/{number}")  # That of listdir() itself is not.


def test_folder_is_below_the_users_state(
    status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.delenv("HERMES_GATEWAY_LOCK_DIR")
        elsewhere.delenv("XDG_STATE_HOME", raising=False)
        elsewhere.setenv("HOME", str(home))
        assert acquire(status)
        assert (home / ".local" / "state" / "hermes" / "gateway-locks" / NAME).exists()
        status.release_scoped_lock(SCOPE, TOKEN)
        elsewhere.setenv("XDG_STATE_HOME", str(home / "state"))
        assert acquire(status)
        assert (home / "state" / "hermes" / "gateway-locks" / NAME).exists()
        status.release_scoped_lock(SCOPE, TOKEN)


def test_second_acquire_of_the_holder_refreshes(status: ModuleType, path: Path) -> None:
    acquire(status, platform="telegram", note="x" * 100)
    before = path.stat().st_ino

    acquired, record = status.acquire_scoped_lock(SCOPE, TOKEN, {"platform": "other"})

    assert acquired
    assert record == json.loads(path.read_text())
    assert record["metadata"] == {"platform": "other"}
    assert path.stat().st_ino == before


def test_reloaded_module_knows_its_process_by_the_record(status: ModuleType, path: Path) -> None:
    acquire(status, platform="telegram")
    first = status.scoped_locks  # Keeps the lock's descriptor, as the reload forgets it.
    importlib.reload(status)

    acquired, record = status.acquire_scoped_lock(SCOPE, TOKEN)
    assert (acquired, record["metadata"]) == (True, {"platform": "telegram"})
    status.release_scoped_lock(SCOPE, TOKEN)

    assert not path.exists()
    first.release_all(None, None)


def test_process_after_an_exec_knows_itself_by_the_record(status: ModuleType, path: Path) -> None:
    me = {"pid": os.getpid(), "start_time": status.get_process_start_time(os.getpid())}
    stand(path, **me, boot_id=identity.boot_id())

    acquired, record = status.acquire_scoped_lock(SCOPE, TOKEN)

    assert acquired
    assert record["pid"] == os.getpid()
    stand(path.with_name(f"other-{'0' * 16}.lock"), **me)
    assert status.release_all_scoped_locks() == 2


def test_release_removes_the_file_and_keeps_the_guard(status: ModuleType, path: Path) -> None:
    before = descriptors()
    acquire(status)

    status.release_scoped_lock(SCOPE, TOKEN)

    assert os.listdir(path.parent) == [locks.GUARD_FILE]
    assert descriptors() == before
    status.release_scoped_lock(SCOPE, TOKEN)
    assert acquire(status)


def test_release_of_what_was_never_acquired_makes_nothing(status: ModuleType, home: Path) -> None:
    status.release_scoped_lock(SCOPE, TOKEN)

    assert status.release_all_scoped_locks() == 0
    assert os.listdir(home) == []


def test_other_identities_and_scopes_are_other_locks(status: ModuleType, path: Path) -> None:
    for scope, token in ((SCOPE, TOKEN), (SCOPE, "other"), ("discord-bot-token", TOKEN), (SCOPE, "\ud800")):
        assert status.acquire_scoped_lock(scope, token) == (True, None)

    assert status.release_all_scoped_locks() == 4
    assert os.listdir(path.parent) == [locks.GUARD_FILE]


@pytest.mark.parametrize("scope", ["", "../escape", "a/b", "a\\b", "nul\0", "é", "a b", "x" * 300, "\ud800"])
def test_scope_that_is_no_part_of_a_name_is_a_documented_error(
    status: ModuleType, home: Path, scope: str
) -> None:
    with pytest.raises(status.GatewayStatusError):
        status.acquire_scoped_lock(scope, TOKEN)

    assert {entry.name for entry in home.iterdir()} <= {"locks"}


def test_metadata_that_could_not_be_read_again_is_refused(status: ModuleType, path: Path) -> None:
    with pytest.raises(status.GatewayStatusError, match="too large"):
        acquire(status, note="x" * 70_000)

    assert not path.exists()


# -- others ---------------------------------------------------------------------------------------


def test_lock_of_another_process_is_refused_with_its_record(status: ModuleType, path: Path, run: Run) -> None:
    holder = run(HOLDER, SCOPE)
    assert said(holder) == "True"
    before = path.read_bytes(), path.stat().st_ino

    acquired, record = status.acquire_scoped_lock(SCOPE, TOKEN)
    status.release_scoped_lock(SCOPE, TOKEN)

    assert (acquired, record["pid"]) == (False, holder.pid)
    assert (path.read_bytes(), path.stat().st_ino) == before
    assert said(run(HOLDER, SCOPE)) == "False"


def test_unlinks_a_held_lock_never(status: ModuleType, path: Path, run: Run) -> None:
    holder = run(HOLDER, SCOPE)
    said(holder)

    for content in (b"", b"{", json.dumps({"pid": holder.pid, "start_time": 1}).encode()):
        path.write_bytes(content)
        assert not acquire(status)
        assert status.release_all_scoped_locks(owner_pid=holder.pid) == 0
        assert path.exists()


def test_killed_holder_is_replaced_while_it_is_a_zombie(status: ModuleType, path: Path, run: Run) -> None:
    """ZombieCountsAsAlive."""
    holder = run(HOLDER, SCOPE)
    assert said(holder) == "True"

    os.kill(holder.pid, signal.SIGKILL)
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)

    assert status.acquire_scoped_lock(SCOPE, TOKEN) == (True, None)
    assert json.loads(path.read_text())["pid"] == os.getpid()


def test_older_version_that_takes_no_lock_still_counts(
    status: ModuleType, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_time = status.get_process_start_time(os.getppid())
    stand(path, pid=os.getppid(), start_time=start_time)
    monkeypatch.setattr(status, "_read_process_cmdline", lambda pid: "hermes gateway run")
    before = descriptors()

    acquired, record = status.acquire_scoped_lock(SCOPE, TOKEN)

    assert (acquired, record["pid"]) == (False, os.getppid())
    assert status.release_all_scoped_locks(owner_pid=os.getppid(), owner_start_time=start_time) == 0
    assert path.exists()
    assert descriptors() == before


def here(status: ModuleType, pid: int) -> dict[str, Any]:
    return {"pid": pid, "start_time": status.get_process_start_time(pid), "boot_id": identity.boot_id()}


# Records without a kernel lock that a start must get past.
RECLAIMED: dict[str, Callable[[ModuleType], dict[str, Any]]] = {
    "RecycledPidTrusted": lambda status: here(status, os.getppid()) | {"start_time": 1},
    "RebootCollision": lambda status: here(status, os.getppid()) | {"boot_id": "another"},
    "NullStartTimeHeldForEver": lambda status: {"pid": os.getppid(), "start_time": None},
    "RecordVouchesForItself": lambda status: {
        "pid": os.getppid(),
        "start_time": None,
        "argv": ["hermes", "gateway", "run"],
    },
    "SamePidTwoNamespaces": lambda status: here(status, os.getpid()) | {"start_time": 1},
    "own-pid-of-another-boot": lambda status: here(status, os.getpid()) | {"boot_id": "another"},
}


@pytest.mark.parametrize("name", RECLAIMED)
def test_record_that_proves_nobody_alive_is_reclaimed(status: ModuleType, path: Path, name: str) -> None:
    stand(path, **RECLAIMED[name](status))

    assert status.acquire_scoped_lock(SCOPE, TOKEN) == (True, None)
    assert json.loads(path.read_text())["start_time"] == status.get_process_start_time(os.getpid())


def test_hostile_content_is_reclaimed(status: ModuleType, path: Path, hostile: bytes) -> None:
    """EmptyRecordWedges, HostileIntegers, NotUtf8."""
    path.parent.mkdir()
    path.write_bytes(hostile)

    assert status.release_all_scoped_locks() == 0
    assert path.read_bytes() == hostile
    assert status.acquire_scoped_lock(SCOPE, TOKEN) == (True, None)
    assert json.loads(path.read_text())["pid"] == os.getpid()


@pytest.mark.parametrize("rounds", ROUNDS)
def test_stale_lock_has_one_next_holder(
    status: ModuleType, path: Path, race: Race, dead_pid: int, rounds: int
) -> None:
    """UnlinksTheLockFile, EmptyMeansStale: nobody locks a file that has another's name by then."""
    for _ in range(rounds):
        stand(path, pid=dead_pid, start_time=1)
        contenders = race(HOLDER.partition("status\n")[2], SCOPE, SCOPE)

        assert sorted(said(contender) for contender in contenders) == ["False", "True"]
        for contender in contenders:
            contender.kill()
            contender.communicate()


@pytest.mark.parametrize("rounds", ROUNDS)
def test_holders_that_come_and_go_never_overlap(home: Path, race: Race, rounds: int) -> None:
    for _ in range((rounds + 4) // 5):
        contenders = race(CONTENDER, *[str(home / "alone")] * 3)

        assert [said(contender) for contender in contenders] == ["done"] * 3


# -- giving back ----------------------------------------------------------------------------------


def test_replace_drops_every_lock_of_the_victim_only(
    status: ModuleType, path: Path, run: Run, dead_pid: int
) -> None:
    other, mine = run(HOLDER, "other"), "mine"
    assert said(other) == "True"
    status.acquire_scoped_lock(mine, TOKEN)
    stand(path, pid=dead_pid, start_time=1)
    stand(path.with_name(f"second-{'0' * 16}.lock"), pid=dead_pid, start_time=2)
    stand(path.with_name("notes.lock"), pid=dead_pid, start_time=1)

    assert status.release_all_scoped_locks(owner_pid=other.pid) == 0
    assert status.release_all_scoped_locks(owner_pid=dead_pid, owner_start_time=1) == 1
    assert not path.exists()
    assert status.release_all_scoped_locks(owner_pid=dead_pid) == 1
    assert status.release_all_scoped_locks() == 1
    assert len(os.listdir(path.parent)) == 3
    assert not status.acquire_scoped_lock("other", TOKEN)[0]


def test_forked_child_releases_nothing(status: ModuleType, path: Path, run: Run) -> None:
    acquire(status)
    before = path.read_bytes()

    child = os.fork()
    if child == 0:
        code = 1
        try:
            status.release_scoped_lock(SCOPE, TOKEN)
            code = 10 * status.release_all_scoped_locks() + 20 * acquire(status)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

    assert path.read_bytes() == before
    assert said(run(HOLDER, SCOPE)) == "False"


def test_forked_child_does_not_keep_the_lock_of_a_dead_parent(
    status: ModuleType, path: Path, run: Run
) -> None:
    """ForkedChildReleases, its other half: once the child has asked, it holds no copy any more."""
    parent = run(
        "import os, sys\n"
        "from gateway_status import status\n"
        "status.acquire_scoped_lock(sys.argv[1], '123456:secret')\n"
        "if os.fork():\n    os._exit(0)\n"
        "status.release_all_scoped_locks()\n"
        "print('asked', flush=True)\n"
        "sys.stdin.read()\n",
        SCOPE,
    )
    assert said(parent) == "asked"
    parent.wait()

    assert acquire(status)


def test_file_that_an_operator_deleted_is_taken_anew(status: ModuleType, path: Path, run: Run) -> None:
    acquire(status)
    path.unlink()

    assert acquire(status)
    assert said(run(HOLDER, SCOPE)) == "False"
    path.unlink()
    assert said(run(HOLDER, SCOPE)) == "True"
    assert not acquire(status)
    status.release_scoped_lock(SCOPE, TOKEN)
    assert path.exists()


def test_guard_that_an_operator_deleted_is_made_anew(status: ModuleType, path: Path) -> None:
    acquire(status)
    (path.parent / locks.GUARD_FILE).unlink()

    status.release_scoped_lock(SCOPE, TOKEN)

    assert not path.exists()


def test_folder_that_is_the_home_keeps_its_lifetime_lock(
    status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HERMES_GATEWAY_LOCK_DIR", str(home))
    assert status.acquire_gateway_runtime_lock()
    acquire(status)

    assert status.release_all_scoped_locks() == 1
    assert sorted(os.listdir(home)) == ["gateway.guard", "gateway.lock"]
