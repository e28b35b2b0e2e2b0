"""Scoped locks on every disk: odd files in place of one, refused calls, and crashes."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import importlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from stateful.model.disk import HOME
from stateful.model.images import RECORD, RECYCLED, DiskImage
from stateful.model.scenario import Scenario
from stateful.model.standard import CASTS
from stateful.subjects import scoped_lock
from stateful.verification.verification import verify

Put = Callable[[Path, str], Path]
Run = Callable[..., "subprocess.Popen[str]"]
SCOPE, TOKEN = "telegram-bot-token", "123456:secret"
NAME = f"{SCOPE}-{hashlib.sha256(TOKEN.encode()).hexdigest()[:16]}.lock"

# Says whether it got the lock, keeps it until it is told to go, and leaves without a release.
HOLDER = """
import sys
from gateway_status import status
print(status.acquire_scoped_lock(sys.argv[1], "123456:secret")[0], flush=True)
sys.stdin.read()
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


# -- what stands in the way -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["full-directory", "dangling-link", "link", "fifo", "socket"])
def test_what_is_not_a_file_is_a_documented_error_and_stays(
    status: ModuleType, path: Path, put_in_the_way: Put, kind: str
) -> None:
    path.parent.mkdir()
    if kind == "full-directory":
        (path / "something").mkdir(parents=True)
    else:
        put_in_the_way(path, kind)
    before, open_before = path.lstat(), descriptors()

    with pytest.raises(status.GatewayStatusError):
        acquire(status)
    status.release_scoped_lock(SCOPE, TOKEN)
    assert status.release_all_scoped_locks() == 0
    assert status.release_all_scoped_locks(owner_pid=5) == 0

    assert path.lstat().st_ino == before.st_ino
    assert descriptors() == open_before
    assert not (path.parent / "nowhere").exists()


def test_directory_in_the_way_is_removed_where_it_is_empty(status: ModuleType, path: Path) -> None:
    path.mkdir(parents=True)

    assert acquire(status)


@pytest.mark.parametrize("code", [errno.EACCES, errno.ENOLCK, errno.EIO, errno.EOPNOTSUPP])
def test_unsupported_lock_reads_as_held_never(
    status: ModuleType, path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """EaccesUnlinksTheLock, ForeignLockFileUnreadable: neither free nor held, and it stays."""
    stand(path, pid=1)

    def flock(fd: int, operation: int) -> None:
        raise OSError(code, os.strerror(code))

    before = descriptors()
    with monkeypatch.context() as refused:
        refused.setattr(fcntl, "flock", flock)
        with pytest.raises(status.GatewayStatusError, match=os.strerror(code)):
            acquire(status)

    assert path.exists()
    assert descriptors() == before


def test_eperm_means_dead_never(status: ModuleType, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand(path, pid=4242, start_time=7)

    def kill(pid: int, number: int) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(status.os, "kill", kill)
    monkeypatch.setattr(status, "_get_process_start_time", lambda pid: 7)

    assert not acquire(status)


def test_full_disk_leaves_the_lock_to_be_reclaimed(
    status: ModuleType, path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    before = descriptors()
    parts = iter([5])

    def fail(fd: int, data: bytes) -> int:
        if length := next(parts, 0):
            return real(fd, data[:length])
        raise OSError(errno.ENOSPC, "No space left on device")

    real = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", fail)
        with pytest.raises(status.GatewayStatusError, match="No space"):
            acquire(status)

    assert descriptors() == before
    assert path.read_bytes() == b'{"pid'
    assert said(run(HOLDER, SCOPE)) == "True"


def test_signal_handler_in_the_middle_of_an_acquire_is_told_so(
    status: ModuleType, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    read = status._read_json_file

    def interrupted(where: Path) -> Any:
        for function in (lambda: acquire(status), status.release_all_scoped_locks):
            with pytest.raises(status.GatewayStatusError) as caught:
                function()
            told.append(caught.value.errno)
        return read(where)

    monkeypatch.setattr(status, "_read_json_file", interrupted)

    assert acquire(status)
    assert told == [errno.EDEADLK] * 2


# -- every interleaving ---------------------------------------------------------------------------

LOCK_PATH = f"{HOME}/{NAME}"
DISKS = (
    DiskImage("stale-lock", "stale lock file", ((LOCK_PATH, RECORD),)),
    DiskImage("empty-lock", "empty lock file", ((LOCK_PATH, b""),)),
    DiskImage("torn-lock", "torn lock file", ((LOCK_PATH, RECORD[: len(RECORD) // 2]),)),
    DiskImage("recycled-lock", "lock file of a recycled pid", ((LOCK_PATH, RECORD),), RECYCLED.machine),
)
SEARCHED = tuple(Scenario(cast, disk, plan) for cast in CASTS for plan in cast.plans for disk in DISKS)


def test_subject_uses_the_lock_of_these_tests() -> None:
    assert (scoped_lock.SCOPE, scoped_lock.IDENTITY) == (SCOPE, TOKEN)


@pytest.mark.long
def test_every_interleaving_on_every_lock_file_holds() -> None:
    found = verify("scoped-lock", SEARCHED)

    assert found.violations == {}
    assert (found.verdict, found.exhaustive) == ("holds", True)
    assert found.states == 7_109
