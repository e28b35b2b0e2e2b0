"""What is searched beyond the standard scenarios depends on how many states the subject has."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from stateful.model.families import TAMPERING
from stateful.model.standard import SCENARIOS, find_scenario
from stateful.report.verdict import summary
from stateful.search.result import HOLDS, Result
from stateful.verification.small_enough import ON_DEMAND, small_enough
from stateful.verification.verification import Verification, verify
from tests.shortened import shortened

# A slot that only a third process does not find, and a lock of which it takes an errno for success.
THIRD_WITH_AN_ERRNO: Final = """import fcntl, os
documented_errors = (OSError,)

def hold(path):
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd

def gateway(home, serve):
    slot = hold(home / "a") or hold(home / "b")
    try:
        if hold(home / "lock") is None:
            return
    except OSError:
        if {when}:
            raise
    serve()
"""
# A name that comes round again after two exits.
THIRD_LIFE: Final = """import fcntl, os

def gateway(home, serve):
    gen = os.open(home / "gen", os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
    fcntl.flock(gen, fcntl.LOCK_EX)
    n = os.fstat(gen).st_size
    name = home / f"lock.{n % 3}"
    fd = os.open(name, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if {when}:
            return
    os.close(gen)
    serve()
    gen = os.open(home / "gen", os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
    fcntl.flock(gen, fcntl.LOCK_EX)
    os.write(gen, b"x")
    os.close(fd)
    os.close(gen)
"""


def judge(source: str, folder: Path, when: str, scenario: str) -> Verification:
    (folder / "third.py").write_text(source.replace("{when}", when))
    return verify(str(folder / "third.py"), [find_scenario(scenario)])


EXITS: Final = (THIRD_LIFE, "two-exits-and-starts-empty")
ERRNO: Final = (THIRD_WITH_AN_ERRNO, "three-starts-empty-1-errno")


@pytest.mark.parametrize(
    ("source", "scenario", "when", "violated"),
    shortened(
        [
            pytest.param(*EXITS, "n < 2", {"at_most_one_owner"}, id="exits"),
            pytest.param(*EXITS, "True", set(), id="exits, mended"),
            pytest.param(*ERRNO, "slot", {"at_most_one_owner"}, id="errno"),
            pytest.param(*ERRNO, "True", set(), id="errno, mended"),
        ],
        2,
    ),
)
def test_what_takes_three_is_found(
    source: str, scenario: str, when: str, violated: set[str], tmp_path: Path
) -> None:
    assert set(judge(source, tmp_path, when, scenario).violations) == violated


def measured(states: int) -> list[Result]:
    """Results as if every standard scenario had so many states."""
    return [Result(each, states=states, exhaustive=True) for each in SCENARIOS]


def test_everything_is_searched_of_a_small_subject_and_nothing_of_a_large_one() -> None:
    assert small_enough(measured(10)) == list(ON_DEMAND)
    assert small_enough(measured(60_000)) == []
    assert small_enough([]) == []


def test_the_smallest_are_searched() -> None:
    results = measured(60_000)
    small = find_scenario("replace-of-owner-empty")
    results[SCENARIOS.index(small)] = Result(small, states=50, exhaustive=True)
    found = {scenario.name for scenario in small_enough(results)}
    assert "two-replaces-empty" in found
    assert {scenario.cast.name for scenario in small_enough(results)} == {"two-replaces", "replace-of-owner"}


def chosen(*measured: tuple[str, int], exhaustive: bool = True) -> list[str]:
    """What is searched beside scenarios that had so many states."""
    results = [Result(find_scenario(name), states=states, exhaustive=exhaustive) for name, states in measured]
    return [scenario.name for scenario in small_enough(results)]


def test_one_more_fault_makes_ten_times_the_states() -> None:
    """Twelve of 4,000 are less than 50,000, and eight of 6,000."""
    assert len(chosen(("three-starts-empty", 400))) == 12
    assert len(chosen(("three-starts-empty", 600))) == 8
    assert chosen(("three-starts-empty", 5_001)) == []


def test_one_more_process_makes_ten_times_the_states() -> None:
    assert "two-replaces-empty" in chosen(("replace-of-owner-empty", 2_000))
    assert "two-replaces-empty" not in chosen(("replace-of-owner-empty", 5_001))


def test_another_disk_is_taken_to_be_as_large_as_the_largest() -> None:
    stale = ("three-starts-stale-1-kill", 20)
    assert "three-starts-torn-file-1-kill" not in chosen(("three-starts-empty-1-kill", 50_001), stale)
    assert "three-starts-torn-file-1-kill" in chosen(stale)


def test_search_that_was_not_finished_tells_no_size() -> None:
    assert chosen(("three-starts-empty", 10), exhaustive=False) == []


def test_tampering_is_never_added() -> None:
    assert not any(TAMPERING & {*each.plan} for each in ON_DEMAND)


def test_summary_sums_up_only_what_was_tried_together() -> None:
    names = ["two-starts-empty", "two-starts-empty-1-kill", "one-start-empty", "start-and-exit-empty-1-kill"]
    found = verify("record-in-the-lock", list(map(find_scenario, [*names, "two-starts-empty-1-sigstop"])))
    lines = summary(found)
    assert found.verdict == HOLDS
    first = next(number for number, line in enumerate(lines) if line.startswith("  asked"))
    assert lines[first : first + 3] == [
        "  asked           two starts: 1 kill or any other fault",
        "  asked           one start: no fault",
        "  asked           start and exit: 1 kill",
    ]
