"""Which process a pid means: each mistake about it breaks an odd scenario; the reference holds."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from stateful.explain.minimise import breaks
from stateful.model.disk import home_files
from stateful.model.images import ODD, PID_FILE
from stateful.model.schedule import STEP, Move, parse_schedule
from stateful.model.standard import ODD_CASTS, SCENARIOS, find_scenario
from stateful.protocol.subject import find_subject
from stateful.run.execution import Execution
from stateful.run.replay import replay
from stateful.verification.verification import verify
from tests.benchmarks.simulated_speed import SearchCost, measure_search

STUCK: Final = "a_dead_owner_can_be_replaced"
FAILS: Final = "only_documented_errors"
# A subject that takes another process for the gateway also answers so when queried.
LIES: Final = "an_answer_was_true_at_some_moment"

# A gateway whose lock keeps it safe whatever it believes of records; only its beliefs differ.
GATEWAY: Final = """
import errno, fcntl, json, os

def start_time(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return int(stat.read().rpartition(")")[2].split()[19])

def read(home):
    try:
        return json.loads((home / "gateway.pid").read_text())
    except FileNotFoundError:
        return None

def running_pid(home):
    record = read(home)
    try:
        return record["pid"] if record and runs(record, record["pid"]) else None
    except FileNotFoundError:
        return None

def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    if running_pid(home):
        return
    record = {"pid": os.getpid(), "start_time": start_time(os.getpid())}
    (home / "new").write_text(json.dumps(record))
    (home / "new").rename(home / "gateway.pid")
    serve()

def runs(record, pid):
"""
ALL: Final = frozenset(image.name for image in ODD if PID_FILE in dict(image.files))
# What it believes, and what that breaks.
MISTAKES: Final = {
    "a pid": (
        """
    try:
        os.kill(pid, 0)
    except OSError as error:
        return error.errno == errno.EPERM
    return True
""",
        dict.fromkeys(ALL, STUCK) | {"huge-pid": FAILS},
    ),
    "a pid and a start time": (
        """
    return start_time(pid) == record["start_time"]
""",
        {"zombie": STUCK, "rebooted": STUCK},
    ),
    "a start time within a tick": (
        """
    return abs(start_time(pid) - int(record["start_time"])) <= 1
""",
        dict.fromkeys(("zombie", "rebooted", "lookalike", "own-pid", "containers"), STUCK)
        | dict.fromkeys(("null-start", "nameless", "null-own-pid"), FAILS),
    ),
    "the words of stat": (
        """
    with open(f"/proc/{pid}/stat") as stat:
        return int(stat.read().split()[21]) == record["start_time"]
""",
        {"zombie": STUCK, "rebooted": STUCK, "odd-name": STUCK},
    ),
    "a command line": (
        """
    with open(f"/proc/{pid}/cmdline") as cmdline:
        return "hermes_cli" in cmdline.read()
""",
        dict.fromkeys(("rebooted", "lookalike", "own-pid", "null-own-pid", "containers"), STUCK)
        | {"odd-name": STUCK},
    ),
}


@pytest.mark.long
@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(name, marks=pytest.mark.long) if name == "a start time within a tick" else name
        for name in MISTAKES
    ],
)
def test_mistake_breaks_what_it_should_and_nothing_else(mistake: str, tmp_path: Path) -> None:
    code, broken = MISTAKES[mistake]
    (tmp_path / "subject.py").write_text(GATEWAY + code)
    names = ("stale", *(image.name for image in ODD))
    subject = find_subject(str(tmp_path / "subject.py"))
    found = {
        name: measure_search(subject, [find_scenario(f"one-start-{name}")], SearchCost())[-1]
        for name in names
    }
    assert {
        name: invariant
        for name, result in found.items()
        for invariant in sorted(result.violations, reverse=True)
        if invariant != LIES
    } == broken | {"not-utf8": FAILS}
    assert {name for name, result in found.items() if LIES in result.violations} <= broken.keys()


@pytest.mark.parametrize(
    ("subject", "scenario", "schedule", "elsewhere"),
    (
        # kill() answers EPERM of an owner who is root, which is taken for "nobody".
        ("direct-unlink", "two-starts-root", "A8 B11", "two-starts-empty"),
        # A record of pid 1 is taken for one's own, in whichever container.
        ("foreign-guard", "two-starts-containers", "A14 B1 A3 B10", "two-starts-stale"),
    ),
)
def test_mistake_of_the_past_makes_two_owners(
    subject: str, scenario: str, schedule: str, elsewhere: str
) -> None:
    moves = parse_schedule(schedule)
    violation = replay(find_subject(subject), find_scenario(scenario), moves).violation
    assert violation is not None
    assert violation.invariant == "at_most_one_owner"
    assert breaks(find_subject(subject), find_scenario(elsewhere), moves, "at_most_one_owner") is None


ODD_ONES: Final = [scenario for scenario in SCENARIOS if scenario.cast in ODD_CASTS]


@pytest.mark.long
def test_parts_of_the_reference_know_one_process_from_another() -> None:
    found = verify("reference-status", [each for each in ODD_ONES if each.cast == ODD_CASTS[0]])
    assert (found.violations, found.verdict) == ({}, "holds")


@pytest.mark.long
@pytest.mark.parametrize("subject", ("reference", "reference-status"))
def test_reference_knows_one_process_from_another(subject: str) -> None:
    found = verify(subject, ODD_ONES)
    assert (found.violations, found.verdict) == ({}, "holds")


@pytest.mark.parametrize(("disk", "same"), (("empty", False), ("reused-inodes", True)))
def test_inode_number_is_given_again_where_the_machine_does(disk: str, same: bool, tmp_path: Path) -> None:
    (tmp_path / "single.py").write_text(
        "def gateway(home, serve):\n"
        "    (home / 'a').touch()\n"
        "    number = (home / 'a').stat().st_ino\n"
        "    (home / 'b').touch()\n"
        "    assert (home / 'b').stat().st_ino != number\n"
        "    (home / 'a').unlink()\n"
        "    (home / 'c').touch()\n"
        "    if (home / 'c').stat().st_ino == number:\n"
        "        (home / 'same').touch()\n"
        "    serve()\n"
    )
    scenario = find_scenario(f"two-starts-{disk}")
    with Execution(find_subject(str(tmp_path / "single.py")), scenario) as execution:
        while execution.possible(Move(STEP, "A")):
            execution.make(Move(STEP, "A"))
        assert ("same" in home_files(execution.kernel.disk())) == same
