"""Signals where CPython delivers them, and an exception out of serve: what they break, and what is right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from stateful.model.schedule import parse_schedule
from stateful.model.standard import SCENARIOS, find_scenario
from stateful.protocol.subject import find_subject
from stateful.run.examine import examine
from stateful.run.replay import replay
from stateful.search.jobs import jobs_of, search
from stateful.search.result import Result
from stateful.verification.verification import verify

HEAD: Final = """import fcntl, os, signal, sys
not_offered = {"a_dead_owner_can_be_replaced": "an operator removes the lock"}
documented_errors = (OSError, KeyboardInterrupt)
"""
# The handler cleans up before there is anything of its own.
BEFORE: Final = """
def gateway(home, serve):
    path = home / "{name}"
    def told(number, frame):
        path.unlink(missing_ok=True)
        sys.exit({status})
    signal.signal(signal.{signal}, told)
    {look}
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    serve()
    path.unlink()
"""
BEFORE_MENDED: Final = BEFORE.replace(
    """    signal.signal(signal.{signal}, told)
""",
    """    signal.signal(signal.{signal}, signal.SIG_IGN)
""",
).replace(
    """    serve()
    path.unlink()
""",
    """    signal.signal(signal.{signal}, told)
    serve()
    signal.signal(signal.{signal}, signal.SIG_IGN)
    path.unlink()
""",
)
# The handler runs when the release has been made, and before the process notes it.
BETWEEN: Final = """
def gateway(home, serve):
    mine = None
    def told(number, frame):
        if mine is not None:
            mine.unlink(missing_ok=True)
        sys.exit({status})
    signal.signal(signal.{signal}, signal.SIG_IGN)
    {look}
    try:
        os.close(os.open(home / "{name}", os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return
    mine = home / "{name}"
    signal.signal(signal.{signal}, told)
    serve()
    os.unlink(mine)
    mine = None
"""
BETWEEN_MENDED: Final = BETWEEN.replace(
    "    os.unlink(mine)", "    signal.signal(signal.{signal}, signal.SIG_IGN)\n    os.unlink(mine)"
)
# Where its work fails, the owner lets go of its lock and goes on.
WORK: Final = """
def gateway(home, serve):
    {look}
    fd = os.open(home / "{name}", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    try:
        serve()
    except Exception:
        os.close(fd)
        serve()
"""
WORK_MENDED: Final = WORK.replace(
    """        os.close(fd)
        serve()
""",
    """        sys.exit({status})
""",
)
# An exception out of serve leaves the lock; a finally does not.
LEAVES: Final = """
def gateway(home, serve):
    {look}
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        os.close(os.open(home / "{name}", os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        sys.exit({status})
    serve()
    os.unlink(home / "{name}")
"""
LEAVES_MENDED: Final = LEAVES.replace(
    """    serve()
    os.unlink""",
    """    try:
        serve()
    finally:
        os.unlink""",
)
TERM, INT = ({"signal": name} for name in ("SIGTERM", "SIGINT"))
A, B = "two-starts-empty-1-{}", "exit-and-start-empty-1-{}"
# By kind: what is broken, the same mended, what it breaks, and where.
KINDS: Final = {
    "before the claim": (BEFORE, BEFORE_MENDED, "at_most_one_owner", A, ("sigterm", "sigint")),
    "between two statements": (BETWEEN, BETWEEN_MENDED, "at_most_one_owner", B, ("sigterm", "sigint")),
    "the work fails": (WORK, WORK_MENDED, "at_most_one_owner", B, ("exception",)),
    "the work fails, and the lock stays": (
        LEAVES,
        LEAVES_MENDED,
        "an_end_leaves_the_home_free",
        B,
        ("exception",),
    ),
}
RELATIVES: Final = (
    {"name": "owner", "status": "1", "look": "pass"},
    {"name": "gateway.lock", "status": "0", "look": "os.stat(home)"},
    {"name": "app.pid", "status": "'told'", "look": "os.listdir(home)"},
)


def searched(folder: Path, source: str, scenario: str) -> Result:
    """What the search finds, which no report makes small."""
    path = folder / "subject_.py"
    path.write_text(HEAD + source)
    subject = find_subject(str(path))
    jobs = jobs_of([find_scenario(scenario)], {})
    found, _ = search(subject, examine(subject), jobs, 600, 1, lambda *_: None)
    return found[0]


@pytest.mark.parametrize("relative", RELATIVES, ids=lambda relative: relative["name"])
@pytest.mark.parametrize("kind", KINDS)
def test_kind_is_found_by_default_and_its_mended_twin_holds(
    kind: str, relative: dict[str, str], tmp_path: Path
) -> None:
    broken, mended, invariant, where, families = KINDS[kind]
    for family in families:
        scenario = where.format(family)
        assert find_scenario(scenario) in SCENARIOS
        words = relative | (INT if family == "sigint" else TERM)
        assert invariant in searched(tmp_path, broken.format_map(words), scenario).violations, family
        found = searched(tmp_path, mended.format_map(words), scenario)
        assert (found.verdict, found.violations) == ("holds", {}), family


def test_signal_inside_the_claim_is_told_apart(tmp_path: Path) -> None:
    """Between the claim's call and the storing of its value no Python program can see to it."""
    source = """
def gateway(home, serve):
    mine = False
    try:
        os.mkdir(home / "lock")
        mine = True
        serve()
    except FileExistsError:
        return
    finally:
        if mine:
            os.rmdir(home / "lock")
"""
    found = searched(tmp_path, source, "two-starts-empty-1-sigint")
    assert found.verdict == "holds"
    (trace,) = found.apart.values()
    assert trace.schedule == "int-in-A A1 start-C C2"
    assert trace.violation is None
    assert trace.apart is not None
    assert trace.apart.invariant == "an_end_inside_the_claim_leaves_the_home_free"


CLEANS_UP: Final = """
import atexit
def gateway(home, serve):
    try:
        os.mkdir(home / "lock")
    except FileExistsError:
        return
    atexit.register(os.rmdir, home / "lock")
    try:
        serve()
    finally:
        os.mkdir(home / "left")
"""


def test_default_sigterm_ends_a_process_where_it_is(tmp_path: Path) -> None:
    """Neither a finally nor an exit handler runs, and serve does not return."""
    path = tmp_path / "cleans_up.py"
    path.write_text(HEAD + CLEANS_UP)
    trace = replay(
        find_subject(str(path)),
        find_scenario("two-starts-empty-1-sigterm"),
        parse_schedule("A1 term-A start-C C2"),
    )
    assert trace.violation is None
    ended = next(step for step in trace.steps if step.move.kind == "term")
    assert ended.outcome is not None
    assert (ended.outcome.kind, ended.outcome.value) == ("killed", "SIGTERM")
    assert trace.steps[-1].outcome is not None  # C is refused: the lock is there


def test_an_exception_out_of_serve_is_documented_and_any_other_is_not(tmp_path: Path) -> None:
    passes, chained = (
        f"""
def gateway(home, serve):
    try:
        serve()
    except RuntimeError as error:
        {what}
"""
        for what in ("raise", "raise ValueError('lost') from error")
    )
    ignored = 'not_offered = {"at_most_one_owner": "", "some_contender_wins": ""}\n'
    assert not searched(tmp_path, ignored + passes, "start-and-exit-stale-1-exception").violations
    found = searched(tmp_path, ignored + chained, "start-and-exit-stale-1-exception")
    assert set(found.violations) == {"only_documented_errors"}


def test_descriptor_of_an_open_in_which_a_signal_arrived_can_be_closed(tmp_path: Path) -> None:
    """It belongs to the process, which otherwise could not close it and would wait for a lock of its own."""
    notes = """import fcntl, os, signal

def gateway(home, serve):
    noted = []
    signal.signal(signal.SIGTERM, lambda number, frame: noted.append(number))
    for _ in range(2):
        fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.close(fd)
    held = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    serve()
"""
    (tmp_path / "notes.py").write_text(notes)
    found = verify(str(tmp_path / "notes.py"), [find_scenario("start-and-exit-empty-1-sigterm")])
    assert (found.violations, found.exhaustive) == ({}, True)


WRITES_ONCE: Final = """import fcntl, os

def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    note = home / "note"
    assert not note.exists() or note.read_bytes().count(b"x") < 2
    note.unlink(missing_ok=True)
    with open(note, "{mode}") as file:
        file.write({content})
    serve()
"""


@pytest.mark.parametrize(("mode", "content"), [("w", "'x'"), ("x+b", "b'x'"), ("wb", "b'x' + bytes(9000)")])
def test_buffer_counts_as_written_what_was_written_when_a_signal_arrived(
    mode: str, content: str, tmp_path: Path
) -> None:
    """The handler of a signal in a write runs when CPython's buffer has noted how much was written."""
    (tmp_path / "once.py").write_text(WRITES_ONCE.replace("{mode}", mode).replace("{content}", content))
    found = verify(str(tmp_path / "once.py"), [find_scenario("two-starts-empty-1-sigint")])
    assert (found.violations, found.exhaustive) == ({}, True)


# What a signal between the claim and the note of it leaves is an operator's, as after a kill.
STANDBY: Final = """import os, signal, time
not_offered = {"a_dead_owner_can_be_replaced": "an operator removes the folder"}

def gateway(home, serve):
    mine = []

    def leave(number, frame):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if mine:
            os.rmdir(home / "lock")
        os._exit(1)

    signal.signal(signal.SIGTERM, leave)
    while True:
        try:
            os.mkdir(home / "lock")
            break
        except FileExistsError:
            time.sleep(1)
    mine.append(True)
    serve()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.rmdir(home / "lock")
"""


def test_who_waits_for_an_operator_after_a_signal_inside_the_claim_is_not_accused(tmp_path: Path) -> None:
    (tmp_path / "standby.py").write_text(STANDBY)
    found = verify(str(tmp_path / "standby.py"), [find_scenario("two-starts-empty-1-sigterm")])
    assert not found.violations
    (tmp_path / "standby.py").write_text(
        STANDBY.replace("        if mine:\n            os.rmdir", "        if not mine:\n            os.stat")
    )
    found = verify(str(tmp_path / "standby.py"), [find_scenario("two-starts-empty-1-sigterm")])
    assert {"nobody_waits_for_ever", "an_end_leaves_the_home_free"} <= set(found.violations)


# -- as CPython does it --------------------------------------------------------------------------------------

ASKS_CPYTHON: Final = """
import os, signal
stored, seen = None, []
signal.signal(signal.SIGTERM, lambda *_: seen.append(stored))
stored = os.kill(os.getpid(), signal.SIGTERM) or "stored"
assert seen == [None], seen
"""


def test_cpython_runs_a_handler_before_the_value_of_a_call_is_stored() -> None:
    subprocess.run([sys.executable, "-c", ASKS_CPYTHON], check=True)
