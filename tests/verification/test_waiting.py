"""What waits for ever is found, however its files are named, and what rightly waits is not accused."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from stateful.model.standard import SCENARIOS, find_scenario
from stateful.report.text import trace_text
from stateful.verification.verification import Verification, verify
from tests.shortened import shortened

BLOCKS: Final = """import fcntl, os

def hold(path, how=fcntl.LOCK_EX, take=fcntl.{family}):
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    take(fd, how)
    return fd
"""
POLLS: Final = """import fcntl, os, time

def hold(path, how=fcntl.LOCK_EX, take=fcntl.{family}):
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    while True:
        try:
            take(fd, how | fcntl.LOCK_NB)
            return fd
        except BlockingIOError:
            time.sleep({pause})
"""
HEADS: Final = {
    "blocks": BLOCKS,
    "polls": POLLS.replace("{pause}", "1"),
    "polls often": POLLS.replace("{pause}", "0.05"),
    "spins": POLLS.replace("time.sleep({pause})", "pass"),
    "looks at the clock": POLLS.replace("time.sleep({pause})", "time.sleep(time.monotonic() and 0.5)"),
}
# Each with a twin that is right.
SELF: Final = """
def gateway(home, serve):
    guard = hold(home / "{one}")
    if (home / "{two}").exists():
        again = hold(home / "{one}")
        os.close(again)
    fd = os.open(home / "{two}", os.O_CREAT | os.O_RDWR)
    os.write(fd, b"x")
    os.rename(home / "{two}", home / "record")
    serve()
"""
SELF_MENDED: Final = SELF.replace('again = hold(home / "{one}")', "again = os.dup(guard)")
ORDER: Final = """
def gateway(home, serve):
    names = ["{one}", "{two}"]
    if (home / "{one}").exists():
        names.reverse()
    held = [hold(home / name) for name in names]
    os.close(held[1])
    serve()
"""
ORDER_MENDED: Final = ORDER.replace("names.reverse()", "pass")
EXIT: Final = """
def gateway(home, serve):
    guard = hold(home / "{one}")
    lock = hold(home / "{two}")
    os.close(guard)
    serve()
    guard = hold(home / "{one}")
    os.close(lock)
"""
EXIT_MENDED: Final = EXIT.replace(
    """    serve()
    guard = hold(home / "{one}")
    os.close(lock)
""",
    """    serve()
    os.close(lock)
    guard = hold(home / "{one}")
""",
)
QUERY: Final = """
def gateway(home, serve):
    lock = hold(home / "{one}")
    os.ftruncate(lock, 0)
    os.pwrite(lock, b"%d" % os.getpid(), 0)
    serve()
    os.ftruncate(lock, 0)

def running_pid(home):
    if not (home / "{one}").exists():
        return None
    fd = hold(home / "{one}", fcntl.LOCK_SH)
    return int(os.pread(fd, 20, 0) or b"0") or None
"""
QUERY_MENDED: Final = QUERY.replace(
    'fd = hold(home / "{one}", fcntl.LOCK_SH)\n',
    """fd = os.open(home / "{one}", os.O_RDWR)
    try:
        fcntl.{family}(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pass
    else:
        return None
""",
)

KINDS: Final = {
    "a start that waits for itself": (SELF, SELF_MENDED, "a_dead_owner_can_be_replaced"),
    "two starts that wait for each other": (ORDER, ORDER_MENDED, "nobody_waits_for_ever"),
    "an exit that waits for a start that waits for it": (EXIT, EXIT_MENDED, "nobody_waits_for_ever"),
    "a query that waits for the owner to end": (QUERY, QUERY_MENDED, "a_live_owner_is_discoverable"),
}
NAMES: Final = (("guard", "record.tmp"), ("a", "b"), ("z.lock", "0.lock"))
SMALL: Final = [
    scenario
    for scenario in SCENARIOS
    if scenario.cast.name in ("one-start", "two-starts", "exit-and-start", "start-and-status")
    and scenario.disk.name == "empty"
    and scenario.plan in ((), ("kill",))
]


def judge(source: str, names: tuple[str, str], family: str, folder: Path, head: str = BLOCKS) -> Verification:
    """The verdict on a protocol with other names of its files, and another way to wait for a lock."""
    one, two = names
    file = folder / f"waits_{len(list(folder.iterdir()))}.py"
    file.write_text((head + source).replace("{one}", one).replace("{two}", two).replace("{family}", family))
    return verify(str(file), SMALL)


CASES: Final = [
    pytest.param(kind, head, names, id=f"{kind}-{head}", marks=[] if head == "blocks" else pytest.mark.long)
    for kind in KINDS
    for head, names in zip(HEADS, NAMES * 2, strict=False)
]


@pytest.mark.parametrize(("kind", "head", "names"), CASES)
def test_what_waits_for_ever_is_found(kind: str, head: str, names: tuple[str, str], tmp_path: Path) -> None:
    broken, mended, invariant = KINDS[kind]
    found = judge(broken, names, "flock", tmp_path, HEADS[head])
    assert invariant in found.violations
    assert "for ever" in trace_text(found.violations[invariant])
    found = judge(mended, names, "flock", tmp_path, HEADS[head])
    assert not found.violations
    assert found.exhaustive


@pytest.mark.long
def test_two_that_poll_for_each_other_wait_for_ever(tmp_path: Path) -> None:
    source = (HEADS["polls"] + ORDER).replace("{one}", "a").replace("{two}", "b").replace("{family}", "flock")
    (tmp_path / "polls.py").write_text(source)
    found = verify(str(tmp_path / "polls.py"), [find_scenario("two-starts-empty")])
    assert set(found.violations) == {"nobody_waits_for_ever"}
    assert found.exhaustive


@pytest.mark.parametrize("kind", shortened(reversed(KINDS), 3))
def test_a_wait_in_lockf_is_a_wait(kind: str, tmp_path: Path) -> None:
    """A process does not exclude itself with lockf, and a circle of lockf is told so: EDEADLK."""
    broken, _, invariant = KINDS[kind]
    found = judge(broken, NAMES[0], "lockf", tmp_path)
    if invariant == "a_live_owner_is_discoverable":
        assert invariant in found.violations
    else:
        assert invariant not in found.violations
        raises = invariant == "nobody_waits_for_ever"
        assert ("only_documented_errors" in found.violations) == raises


STANDBY: Final = """
def gateway(home, serve):
    lock = hold(home / "{one}")
    serve()
"""


@pytest.mark.parametrize("family", shortened(["flock", "lockf"]))
@pytest.mark.parametrize("head", shortened(HEADS, 2))
def test_start_that_waits_for_a_live_owner_is_right(head: str, family: str, tmp_path: Path) -> None:
    found = judge(STANDBY, NAMES[0], family, tmp_path, HEADS[head])
    assert not found.violations
    assert found.exhaustive


# A loop that ends is followed to its end, which is where this one goes wrong.
ENDS: Final = """import fcntl, os, time

def gateway(home, serve):
    fd = os.open(home / "{one}", os.O_CREAT | os.O_RDWR)
    {limit}
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            time.sleep(1)
    else:
        {after}
    serve()
"""
LIMITS: Final = {
    "20 tries": "for _ in range(20):",
    "a deadline": "end = time.monotonic() + 9\n    while time.monotonic() < end:",
    "a date": "end = time.time() + 9\n    while time.time() < end:",
}


@pytest.mark.parametrize("limit", shortened(reversed(LIMITS)))
def test_loop_that_ends_is_followed_to_its_end(limit: str, tmp_path: Path) -> None:
    source = ENDS.replace("{limit}", LIMITS[limit])
    found = judge(source.replace("{after}", "return"), NAMES[0], "flock", tmp_path, "")
    assert not found.violations
    assert found.exhaustive
    found = judge(source.replace("{after}", "pass"), NAMES[0], "flock", tmp_path, "")
    assert set(found.violations) == {"at_most_one_owner"}


@pytest.mark.long
def test_deadline_of_a_month_is_no_wait_for_ever(tmp_path: Path) -> None:
    """It is not followed to its end either."""
    limit = LIMITS["a deadline"].replace("+ 9", "+ 30 * 86_400")
    source = ENDS.replace("{limit}", limit).replace("{after}", "return")
    found = judge(source, NAMES[0], "flock", tmp_path, "")
    assert not found.violations
    assert not found.exhaustive


# A process that gets the lock at its third try lets others in: nothing tells that but its own count.
COUNTS: Final = """import os, time

class Tries:
    made = 0

def gateway(home, serve):
    tries = Tries()
    {loop}
        try:
            os.mkdir(home / "{one}")
        except FileExistsError:
            time.sleep(1)
            continue
        if tries.made == 3:
            os.rmdir(home / "{one}")
        serve()
        if tries.made != 3:
            os.rmdir(home / "{one}")
        return
"""
LOOPS: Final = {
    "without an end": "while True:\n        tries.made += 1",
    "of 12 tries": "for tries.made in range(12):",
}


@pytest.mark.parametrize("loop", shortened(LOOPS))
def test_process_that_counts_its_rounds_is_followed_in_each(loop: str, tmp_path: Path) -> None:
    (tmp_path / "counts.py").write_text(COUNTS.replace("{loop}", LOOPS[loop]).replace("{one}", "lock"))
    found = verify(str(tmp_path / "counts.py"), [find_scenario("exit-and-start-empty")])
    assert "at_most_one_owner" in found.violations


# It ends after ten rounds; a clock that goes ever faster would look like one suspension after another.
PATIENT_ANEW: Final = """import os, time

def gateway(home, serve):
    left, last = 10, time.monotonic()
    while left:
        try:
            os.close(os.open(home / "lock", os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            time.sleep(0.1)
        now = time.monotonic()
        left, last = 10 if now - last > 5 else left - 1, now
    else:
        return
    serve()
    os.unlink(home / "lock")
"""


def test_loop_that_ends_by_a_clock_at_its_own_pace_ends(tmp_path: Path) -> None:
    (tmp_path / "anew.py").write_text(PATIENT_ANEW)
    found = verify(str(tmp_path / "anew.py"), [find_scenario("one-start-empty-1-kill")])
    assert set(found.violations) == {"a_dead_owner_can_be_replaced"}
    assert not found.violations["a_dead_owner_can_be_replaced"].waits
