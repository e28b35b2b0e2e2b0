"""The referee on machines with a second home, another environment and short pids, which no protocol draws."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from stateful.model.standard import find_scenario
from tests.search.answers import execute, search_all, write
from tests.shortened import shortened

LOCK: Final = """import fcntl, os

def take(path):
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd
"""
# A guard for all homes, which a start holds for a moment only.
GUARD: Final = """
def gateway(home, serve):
    guard = take("/tmp/guard")
    if guard is None:
        return
    fd = take(home / "lock")
    os.close(guard)
    if fd is not None:
        serve()
"""
SHARED: Final = """
def gateway(home, serve):
    if take("/tmp/lock") is not None:
        serve()
"""
WAITS: Final = SHARED.replace("take", "wait").replace(
    "def",
    LOCK.replace(" | fcntl.LOCK_NB", "").replace("import fcntl, os\n\ndef take", "def wait") + "\ndef",
    1,
)
RELATIVE: Final = """
def gateway(home, serve):
    if take("lock") is not None:
        serve()
"""
PID: Final = """
def gateway(home, serve):
    fd = take(home / "lock")
    if fd is not None:
        os.write(fd, b"%d" % os.getpid())
        serve()

def running_pid(home):
    try:
        return int((home / "lock").read_text())
    except (FileNotFoundError, ValueError):
        return None
"""
OWN: Final = RELATIVE.replace('"lock"', 'home / "lock"')
PLACES: Final = (
    "one-start-two-homes",
    "two-starts-two-homes",
    "two-starts-elsewhere",
    "one-start-elsewhere-1-kill",
)
CASES: Final = [
    *((place, name) for place in PLACES for name in ("guard", "shared", "waits", "relative", "own")),
    *((place, "pid") for place in ("exit-and-start-wrapped-pids-1-kill", "two-starts-two-homes")),
]
SOURCES: Final = {
    "guard": GUARD,
    "shared": SHARED,
    "waits": WAITS,
    "relative": RELATIVE,
    "own": OWN,
    "pid": PID,
}


@pytest.mark.parametrize(("place", "name"), shortened(CASES, 10))
def test_searches_and_plain_execution_find_the_same(place: str, name: str, tmp_path: Path) -> None:
    subject, scenario = write(LOCK + SOURCES[name], tmp_path, f"{name}_homes"), find_scenario(place)
    executed = sorted(execute(subject, scenario))
    found = {how: sorted(each.broken) for how, each in search_all(subject, scenario).items()}
    assert found == dict.fromkeys(found, executed)
    if name == "own":
        assert executed == []
    if name in ("shared", "waits") and "two-homes" in place:
        assert "homes_are_independent" in executed
