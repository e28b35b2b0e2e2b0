"""No two readings of a process are equal, and none is before a stamp that it has seen."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from stateful.model.clock import START
from stateful.model.standard import find_scenario
from stateful.python.readings import Readings
from stateful.verification.verification import verify
from tests.shortened import shortened

CLOCKS: Final = (
    *("time.time()", "time.time_ns()", "time.monotonic()", "time.monotonic_ns()", "time.perf_counter()"),
    *("time.clock_gettime(time.CLOCK_BOOTTIME)", "datetime.datetime.now().timestamp()"),
)
STAMPS: Final = {
    "seconds": "repr(time.time())",
    "milliseconds": "'%.3f' % (time.time() * 1000)",
    "nanoseconds": "str(time.time_ns())",
    "a date": "datetime.datetime.now(datetime.timezone.utc).isoformat()",
    "JSON": "json.dumps({'at': time.time(), 'pid': 7})",
}


def verdict(folder: Path, source: str, scenario: str) -> tuple[set[str], bool]:
    file = folder / "reads.py"
    file.write_text(f"import datetime, fcntl, json, os, time\n\n{source}")
    found = verify(str(file), [find_scenario(scenario)])
    return set(found.violations), found.exhaustive


GROW: Final = """def gateway(home, serve):
    a, b, c = {clock}, {clock}, {clock}
    assert a < b < c
    serve()
"""


@pytest.mark.parametrize("clock", shortened(CLOCKS, 3))
def test_readings_of_a_process_grow(clock: str, tmp_path: Path) -> None:
    broken, exhaustive = verdict(tmp_path, GROW.replace("{clock}", clock), "one-start-empty")
    assert exhaustive
    assert "only_documented_errors" not in broken


def test_deadline_that_is_now_is_over_at_the_next_look(tmp_path: Path) -> None:
    source = """def gateway(home, serve):
    fd, end = os.open(home / "lock", os.O_CREAT | os.O_RDWR), time.monotonic()
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() > end:
                return
    serve()
"""
    assert verdict(tmp_path, source, "two-starts-empty-1-kill") == (set(), True)


@pytest.mark.parametrize("stamp", shortened(STAMPS, 2))
def test_reading_is_later_than_what_stands_in_a_file(stamp: str, tmp_path: Path) -> None:
    """Its writer has looked at a clock more often than the reader."""
    source = f"""def gateway(home, serve):
    guard = os.open(home / "guard", os.O_CREAT | os.O_RDWR)
    fcntl.flock(guard, fcntl.LOCK_EX)
    if (home / "stamp").exists():
        assert (home / "stamp").read_text() < {STAMPS[stamp]}
        return
    time.time(), time.time(), time.time()
    (home / "new").write_text({STAMPS[stamp]})
    os.rename(home / "new", home / "stamp")
    serve()
"""
    broken, exhaustive = verdict(tmp_path, source, "two-starts-empty")
    assert exhaustive
    assert "only_documented_errors" not in broken


AHEAD: Final = START.wall + 7


@pytest.mark.parametrize(
    "answer",
    [
        repr(AHEAD / 1_000_000).encode(),
        str(AHEAD * 1000),
        f'{{"at": {AHEAD}}}'.encode(),
        ("lock", f"lock.{AHEAD / 1000:.3f}"),
        datetime.datetime.fromtimestamp(AHEAD / 1_000_000, datetime.UTC).isoformat(),
    ],
)
def test_time_in_an_answer_is_found(answer: Any) -> None:
    readings = Readings()
    assert readings.read(START.wall) == START.wall
    readings.look(answer)
    assert readings.read(START.wall) == AHEAD + 1
    assert readings.read(START.monotonic) == START.monotonic + 9


@pytest.mark.parametrize(
    "answer", [b"", b"\xff\xfe", b"9" * 5_000, b"1e400", "2025-99-99T00:00:00", (1, None)]
)
def test_what_tells_no_time_is_let_be(answer: Any) -> None:
    readings = Readings()
    readings.look(answer)
    assert readings.read(START.wall) == START.wall


def test_a_time_far_ahead_is_not_caught_up_with() -> None:
    readings = Readings()
    readings.look(str((START.wall + 2_000_000) / 1_000_000))
    assert readings.read(START.wall) == START.wall
