"""The log of starts: what counts as a storm, and that no content of the log ever prevents a start."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway_status import storm

Put = Callable[[Path, str], Path]
Race = Callable[..., "list[subprocess.Popen[str]]"]
NOW = 1_750_000_000.0
STARTS = (pytest.param(20, id="20-starts"), pytest.param(1_500, id="1500-starts", marks=pytest.mark.long))

STARTER = """
for _ in range(int(sys.argv[1])):
    status.record_start_and_check_storm()
"""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the clock to some seconds after NOW."""

    def set_to(seconds: float) -> None:
        monkeypatch.setattr(storm.time, "time", lambda: NOW + seconds)

    set_to(0)
    return set_to


@pytest.fixture
def ledger(home: Path) -> Path:
    return home / "gateway-starts.log"


# -- what a storm is ------------------------------------------------------------------------------


def test_respawn_storm_is_seen_and_waits_longer_each_time(
    status: ModuleType, clock: Callable[[float], None]
) -> None:
    seen = []
    for number in range(14):
        clock(number)
        seen.append(status.record_start_and_check_storm())

    assert seen[:5] == [None] * 5
    assert seen[5] == status.StormInfo(starts=6, window_s=120.0, backoff_s=5.0)
    assert [info.backoff_s for info in seen[5:]] == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert seen[-1].starts == 14


def test_starts_at_the_same_moment_count(status: ModuleType, clock: Callable[[float], None]) -> None:
    assert status.record_start_and_check_storm(1) is None
    assert status.record_start_and_check_storm(1).starts == 2


@pytest.mark.parametrize("fraction", [0.0004, 0.0005, 0.0006, 0.9999])
def test_rounding_puts_no_start_into_the_future(
    status: ModuleType, clock: Callable[[float], None], fraction: float
) -> None:
    clock(fraction)

    assert status.record_start_and_check_storm(1) is None
    assert status.record_start_and_check_storm(1).starts == 2


def test_starts_before_the_window_do_not_count(status: ModuleType, clock: Callable[[float], None]) -> None:
    for second in (0, 59, 60):
        clock(second)
        status.record_start_and_check_storm(0, 60.0)

    assert status.record_start_and_check_storm(0, 60.0).starts == 4
    clock(60.001)
    assert status.record_start_and_check_storm(0, 60.0).starts == 4


def test_starts_in_the_future_do_not_count(status: ModuleType, clock: Callable[[float], None]) -> None:
    clock(3_600)
    for _ in range(9):
        status.record_start_and_check_storm()
    clock(0)

    assert status.record_start_and_check_storm() is None


def test_cap_of_the_backoff_is_kept(status: ModuleType, clock: Callable[[float], None]) -> None:
    for _ in range(3):
        info = status.record_start_and_check_storm(0, backoff_cap_s=7.5)

    assert info.backoff_s == 7.5


# -- the ledger -----------------------------------------------------------------------------------


def test_start_is_one_line_in_a_private_file(
    status: ModuleType, ledger: Path, clock: Callable[[float], None]
) -> None:
    status.record_start_and_check_storm()
    status.record_start_and_check_storm()

    assert ledger.read_bytes() == b"\n1750000000.000\n" * 2
    assert ledger.stat().st_mode & 0o777 == 0o600


def test_line_after_a_torn_one_is_a_line(
    status: ModuleType, ledger: Path, clock: Callable[[float], None]
) -> None:
    ledger.write_bytes(b"1750000000.000\n17500")

    assert status.record_start_and_check_storm(1).starts == 2
    assert status.record_start_and_check_storm(1).starts == 3
    assert ledger.read_bytes().split() == [b"1750000000.000", b"17500", *[b"1750000000.000"] * 2]


def test_garbage_is_no_start_and_stays_out_of_the_way(
    status: ModuleType, ledger: Path, hostile: bytes
) -> None:
    ledger.write_bytes(hostile)

    was_put_aside = len(hostile) >= storm.MAX_LEDGER_BYTES
    for _ in range(5 + was_put_aside):
        assert status.record_start_and_check_storm() is None
    assert status.record_start_and_check_storm().starts == 6


@pytest.mark.parametrize("line", [b"nan", b"inf", b"-inf", b"1e999", b"9" * 9_000, b"-1", b"\xff", b"x 1"])
def test_line_that_is_no_time_of_the_window_does_not_count(
    status: ModuleType, ledger: Path, line: bytes
) -> None:
    ledger.write_bytes(line + b"\n")

    assert status.record_start_and_check_storm(1) is None


@pytest.mark.long
def test_ledger_stays_small_and_remembers(
    status: ModuleType, home: Path, ledger: Path, clock: Callable[[float], None]
) -> None:
    seen = []
    for _ in range(5_000):
        seen.append(status.record_start_and_check_storm())
        if ledger.exists():
            assert ledger.stat().st_size <= storm.MAX_LEDGER_BYTES

    assert max(info.starts for info in seen if info) > 500
    assert (home / "gateway-starts.log.old").stat().st_size == storm.MAX_LEDGER_BYTES
    assert set(ledger.read_bytes().split()) == {b"1750000000.000"}
    assert sum(info is None for info in seen) == 10  # five at first, and five after it was put aside


def test_ledger_that_somebody_else_puts_aside_is_put_aside_once(
    status: ModuleType, home: Path, ledger: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.write_bytes(b"x" * storm.MAX_LEDGER_BYTES)
    real = os.fstat

    def put_aside_meanwhile(fd: int) -> os.stat_result:
        found = real(fd)
        if ledger.exists() and ledger.stat().st_ino == found.st_ino:
            ledger.rename(home / "gateway-starts.log.old")
            ledger.touch()
        return found

    monkeypatch.setattr(os, "fstat", put_aside_meanwhile)
    status.record_start_and_check_storm(0)

    assert (home / "gateway-starts.log.old").stat().st_size > storm.MAX_LEDGER_BYTES


def test_start_takes_four_calls(status: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a start reads, the exhaustive search has to remember; here it is nothing."""
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)  # root gives the ledger to the user of the home
    status.record_start_and_check_storm()
    calls: list[str] = []

    def watch(name: str) -> None:
        real = getattr(os, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            calls.append(name)
            return real(*args, **kwargs)

        watching.setattr(os, name, call)

    with monkeypatch.context() as watching:
        for name in "open read write close stat fstat ftruncate fsync replace unlink".split():
            watch(name)
        status.record_start_and_check_storm()

    assert calls == ["open", "write", "read", "close"]


@pytest.mark.parametrize("times", STARTS)
def test_lost_update_does_not_happen_to_starts(ledger: Path, race: Race, times: int) -> None:
    starters = race(STARTER, *[str(times)] * 4)

    for starter in starters:
        starter.communicate()

    aside = ledger.with_name("gateway-starts.log.old")
    lines = [*ledger.read_bytes().split(), *(aside.read_bytes().split() if aside.exists() else ())]
    assert len(lines) == 4 * times
    assert all(len(line) == len(b"1750000000.000") for line in lines)


# -- a ledger that cannot be kept -----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["directory", "dangling-link", "link", "fifo", "socket"])
def test_what_is_not_a_file_is_no_storm_and_stays(
    status: ModuleType, ledger: Path, put_in_the_way: Put, kind: str
) -> None:
    put_in_the_way(ledger, kind)
    before = ledger.lstat()

    for _ in range(9):
        status.record_start_and_check_storm(0)

    assert status.record_start_and_check_storm(99) is None
    assert ledger.lstat().st_ino == before.st_ino
    assert not (ledger.parent / "nowhere").exists()
    if kind == "link":
        assert (ledger.parent / "elsewhere").read_text() == '{"pid": 5}'


@pytest.mark.parametrize("call", ["open", "read", "write"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.ENOLCK, errno.EACCES, errno.EIO, errno.EROFS])
def test_error_of_the_system_is_no_storm(
    status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    for _ in range(3):
        status.record_start_and_check_storm()
    before = len(os.listdir("/dev/fd"))

    def fail(*args: Any) -> Any:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as broken:
        broken.setattr(os, call, fail)
        assert status.record_start_and_check_storm(0) is None

    assert len(os.listdir("/dev/fd")) == before
    assert status.record_start_and_check_storm(0) is not None


def test_home_that_is_not_there_is_no_storm(
    status: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("absent", "file"):
        (home / "file").touch()
        monkeypatch.setenv("HERMES_HOME", str(home / name))

        assert status.record_start_and_check_storm(0) is None
