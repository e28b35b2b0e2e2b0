"""An owner that serves for long, and a clock that is set, are asked of every subject that dates anything."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from stateful.model.standard import find_scenario
from stateful.report.text import trace_text
from stateful.verification.verification import Verification, verify
from tests.shortened import sampled, shortened

# Under a guard, so that nothing but time can break it.
GUARDED: Final = """import datetime, fcntl, os, pathlib, psutil, time

def read(lock):
    return int(lock.read_bytes() or 0)

def gateway(home, serve):
    lock = home / "{name}"
    guard = os.open(home / "guard", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(guard, fcntl.LOCK_EX)
    {owns}
    if lock.exists() and {is_over}:
        lock.unlink()
    try:
        fd = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return
    os.write(fd, {stamp})
    os.close(fd)
    os.close(guard)
    serve()
    lock.unlink()

not_offered = {"a_dead_owner_can_be_replaced": "only after a while", "supervisors_settle": "likewise"}
"""
NOTHING: Final = "pass"
HOLDS_A_LOCK: Final = """own = os.open(home / "own", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return"""

WALL: Final = ("b'%d' % time.time()", "time.time() - read(lock) > {limit}")
TIMES: Final = {
    "the wall clock": WALL,
    "the time of the file": ("b'x'", "time.time() > lock.stat().st_mtime + {limit}"),
    "a fresh file": (
        "b'x'",
        "[(home / 'now').touch(), (home / 'now').stat().st_mtime - lock.stat().st_mtime > {limit}][1]",
    ),
    "the monotonic clock": ("b'%d' % time.monotonic()", "time.monotonic() - read(lock) > {limit}"),
    "the clock since the boot": (
        "b'%d' % time.clock_gettime(time.CLOCK_BOOTTIME)",
        "time.clock_gettime(time.CLOCK_BOOTTIME) - read(lock) > {limit}",
    ),
    "a date": (
        "datetime.datetime.now().isoformat().encode()",
        "datetime.datetime.now() - datetime.datetime.fromisoformat(lock.read_text() or '1970-01-01')"
        " > datetime.timedelta(seconds={limit})",
    ),
    "a date of its end": ("b'%d' % (time.time() + {limit})", "read(lock) < time.time()"),
    "nanoseconds": ("b'%d' % time.time_ns()", "time.time_ns() - read(lock) > {limit} * 10**9"),
}
LIMITS: Final = (2, 300, 7_200, 86_400, 86_400, 7 * 86_400, 30 * 86_400, 365 * 86_400)
NAMES: Final = ("job.lock", "gateway.pid", "run", "LOCK", "a.b", "owner", ".lease", "x")
RELATIVES: Final = [pytest.param(*each, id=each[0]) for each in zip(TIMES, LIMITS, NAMES, strict=True)]
LONG_RUN: Final = "two-starts-empty-1-long-run"
CLOCK_STEP: Final = "two-starts-empty-1-clock-step"


def judge(source: str, folder: Path, *scenarios: str, **parts: str) -> Verification:
    """The verdict on a subject whose source has these parts put in."""
    for name, part in parts.items():
        source = source.replace(f"{{{name}}}", part)
    (folder / "dated.py").write_text(source)
    return verify(str(folder / "dated.py"), list(map(find_scenario, scenarios)))


@pytest.mark.parametrize(("time", "limit", "name"), shortened(RELATIVES, 2))
def test_lease_that_nobody_renews_is_found(time: str, limit: int, name: str, tmp_path: Path) -> None:
    stamp, is_over = (part.replace("{limit}", str(limit)) for part in TIMES[time])
    parts = {"stamp": stamp, "is_over": is_over, "name": name}
    assert set(judge(GUARDED, tmp_path, LONG_RUN, owns=NOTHING, **parts).violations) == {"at_most_one_owner"}
    mended = judge(GUARDED, tmp_path, LONG_RUN, owns=HOLDS_A_LOCK, **parts)
    assert not mended.violations
    assert mended.exhaustive


def test_text_says_how_long_it_takes(tmp_path: Path) -> None:
    stamp, is_over = WALL
    parts = {"stamp": stamp, "is_over": is_over.replace("{limit}", "7200"), "name": "l", "owns": NOTHING}
    found = judge(GUARDED, tmp_path, LONG_RUN, **parts)
    text = trace_text(found.violations["at_most_one_owner"])
    assert "31 days pass" in text
    assert "later+2678400" in text


# What says when a process started, and with what it dates the boot.
STARTED: Final = {
    "psutil": "psutil.Process(pid).create_time()",
    "the table of processes": (
        "int(pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]) / 100"
        " + next(int(line.split()[1]) for line in open('/proc/stat') if line.startswith('btime'))"
    ),
    "psutil's boot": (
        "int(pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]) / 100"
        " + psutil.boot_time()"
    ),
}
BY_START: Final = """import fcntl, os, pathlib, psutil

def started(pid):
    return {started}

def lives(record):
    try:
        pid, since = record.read_text().split()
        return abs(started(int(pid)) - float(since)) < 1
    except (OSError, ValueError, psutil.Error):
        return False

def gateway(home, serve):
    guard = os.open(home / "guard", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(guard, fcntl.LOCK_EX)
    if lives(home / "app.pid"):
        return
    (home / "new").write_text(f"{os.getpid()} {started(os.getpid())}")
    (home / "new").rename(home / "app.pid")
    os.close(guard)
    serve()
"""


@pytest.mark.parametrize("how", shortened(STARTED))
def test_start_time_by_the_wall_clock_moves_with_it(how: str, tmp_path: Path) -> None:
    found = judge(BY_START, tmp_path, CLOCK_STEP, started=STARTED[how])
    assert set(found.violations) == {"at_most_one_owner"}
    found = judge(BY_START, tmp_path, LONG_RUN, "two-starts-empty-1-suspend", started=STARTED[how])
    assert not found.violations
    assert found.exhaustive


BOOTS: Final = {
    "psutil": "psutil.boot_time()",
    "the table of processes": STARTED["the table of processes"].partition(" + ")[2],
    "two clocks": "time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)",
}


@pytest.mark.parametrize("how", shortened(BOOTS))
def test_lock_older_than_the_boot_is_found(how: str, tmp_path: Path) -> None:
    parts = {"stamp": "b'x'", "is_over": f"lock.stat().st_mtime < {BOOTS[how]} - 1", "name": "app.lock"}
    found = judge(GUARDED, tmp_path, CLOCK_STEP, owns=NOTHING, **parts)
    assert set(found.violations) == {"at_most_one_owner"}
    found = judge(GUARDED, tmp_path, LONG_RUN, owns=NOTHING, **parts)
    assert not found.violations
    assert found.exhaustive


AGREES: Final = """import os, psutil, time

def gateway(home, serve):
    btime = next(float(line.split()[1]) for line in open("/proc/stat") if line.startswith("btime"))
    since = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert btime == psutil.boot_time()
    assert 0 < time.time() - since - btime < 0.001
    assert btime < psutil.Process().create_time() <= time.time()
    assert time.monotonic() <= time.clock_gettime(time.CLOCK_BOOTTIME)
    serve()
"""


@pytest.mark.parametrize("fault", sampled(["suspend", "long-run", "power-loss", "reboot-1-recycled-pid"]))
def test_clocks_tell_one_story(fault: str, tmp_path: Path) -> None:
    found = judge(AGREES, tmp_path, f"two-starts-empty-1-{fault}")
    assert set(found.violations) == {"at_most_one_owner"}
