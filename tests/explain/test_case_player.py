"""Cases: written from a violation, played again after a refactor or a fix, and stale after some changes."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from stateful.explain.case import Case, parse_case
from stateful.explain.case_player import FIXED, STALE, UNMODELLED, VIOLATED, recall
from stateful.explain.case_writer import tell
from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.run.replay import replay

# A schedule that violates, and its lines as a case.
TOLD = {
    "direct-unlink two-starts-empty A1 B8 A7": (
        "A until unlink(gateway.pid)",
        "B until it owns",
        "A until it owns",
    ),
    "foreign-guard two-starts-stale A1 B12 A11": (
        "A until open(gateway.pid, CREAT|EXCL)",  # it read the record, which says little
        "B until it ends",
        "A until it ends",
    ),
    "guarded-lock two-starts-empty A9 crash-A start-C C15": (
        "A until it owns",  # it was about to close the record
        "crash-A",
        "start-C",
        "C until it ends",
    ),
    "unlinked-lock two-starts-empty-1-sigterm A2 B12 term-B B4 A10 B1": (
        "A until unlink(gateway.pid)",
        "B until it owns",
        "term-B",
        "B until unlink(gateway.pid)",
        "A until it owns",
        "B until it ends",
    ),
    "direct-unlink two-starts-empty A2 eacces-A A3 status-C C8": (
        "A until open(/proc/A/stat)",
        "eacces-A",
        "A until it owns",
        "status-C",
        "C until it ends",
    ),
    "foreign-guard two-starts-containers A17 start-C C17": (
        "A until it owns",
        "start-C",
        "C until it owns",
    ),
}

# A guard that takes a dead record away, written by way of a temporary file.
BEFORE = """
import os

def gateway(home, serve):
    record, new = home / "gateway.pid", home / f"gateway.pid.{os.getpid()}"
    if is_stale(record):
        record.unlink(missing_ok=True)
    new.write_text(str(os.getpid()))
    try:
        os.link(new, record)
    except FileExistsError:
        return
    finally:
        new.unlink(missing_ok=True)
    serve()
    record.unlink()

def is_stale(record):
    try:
        os.kill(int(record.read_text()), 0)
    except FileNotFoundError:
        return False
    except (ValueError, ProcessLookupError):
        return True
    return False
"""
REFACTORED = """
import os, secrets

def gateway(home, serve):
    claim(home / "gateway.pid", home, serve)

def claim(path, home, serve):
    if not home.exists() or nobody_lives(path):
        path.unlink(missing_ok=True)
    temporary = home / f".{secrets.token_hex(8)}.new"
    fd = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    os.write(fd, b"%d" % os.getpid())
    os.close(fd)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink()
    serve()
    path.unlink()

def nobody_lives(path):
    if not path.exists():
        return False
    try:
        os.kill(int(path.read_text()), 0)
    except (ValueError, ProcessLookupError):
        return True
    return False
"""
# With a lock around it all, the same steps are made, and B is refused beside A.
GUARDED = BEFORE.replace("import os\n", "import fcntl, os\n").replace(
    "    if is_stale(record):",
    "    guard = os.open(home / 'guard', os.O_CREAT | os.O_RDWR)\n"
    "    try:\n"
    "        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
    "    except BlockingIOError:\n"
    "        return\n"
    "    if is_stale(record):",
)
OVERWRITES = BEFORE.replace("        record.unlink(missing_ok=True)\n", "        pass\n").replace(
    "os.link(new, record)", "os.replace(new, record)"
)
CHANGED = {
    "refactored": (
        REFACTORED,
        (VIOLATED, "at_most_one_owner: A and B both own the gateway"),
    ),
    "fixed by a lock": (GUARDED, (FIXED, "B no longer owns: it ends while others are alive")),
    "step vanished": (
        OVERWRITES,
        (STALE, "A no longer makes unlink(gateway.pid): it owns before that"),
    ),
    "raises": (
        "def gateway(home, serve):\n    raise RuntimeError('no database')\n",
        (VIOLATED, "another invariant, only_documented_errors: A raised RuntimeError: no database"),
    ),
    "forks": (
        "import os\n\ndef gateway(home, serve):\n    os.fork()\n",
        (UNMODELLED, "the subject called os.fork(), which is not modelled"),
    ),
    "fails on import": ("import no_such_module\n", (STALE, "status.py: it fails on import: ")),
}


def told(arguments: str) -> Case:
    """The case of a subject, a scenario and a schedule."""
    name, title, schedule = arguments.split(" ", 2)
    subject, scenario = find_subject(name), find_scenario(title)
    return tell(subject, scenario, replay(subject, scenario, parse_schedule(schedule)))


@pytest.mark.parametrize("arguments", TOLD)
def test_violation_is_told_by_what_its_processes_are_about_to_do(arguments: str) -> None:
    case = told(arguments)
    assert tuple(map(str, case.lines)) == TOLD[arguments]
    assert recall(case).verdict == VIOLATED


@pytest.fixture(scope="module")
def case_of_before(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """It is told once, and names its subject ``status.py``, which each test has in a folder of its own."""
    with contextlib.chdir(tmp_path_factory.mktemp("before")):
        Path("status.py").write_text(BEFORE)
        return told("status.py two-starts-stale A3 B9 A10")


@pytest.fixture
def case(case_of_before: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """A case of BEFORE, which the file ``status.py`` of this folder holds."""
    monkeypatch.chdir(tmp_path)
    Path("status.py").write_text(BEFORE)
    return case_of_before


def test_case_speaks_of_the_names_that_a_protocol_keeps(case: Case) -> None:
    assert [*map(str, case.lines)] == ["A until unlink(gateway.pid)", "B until it owns", "A until it owns"]


@pytest.mark.parametrize("change", CHANGED)
def test_case_after_a_change_of_the_subject(change: str, case: Case) -> None:
    code, (verdict, why) = CHANGED[change]
    Path("status.py").write_text(code)
    recalled = recall(case)
    assert recalled.verdict == verdict
    assert recalled.why.startswith(why)


STARTS = "subject: direct-unlink\nscenario: two-starts-empty\ninvariant: at_most_one_owner\n"
SPOKEN = {
    "scenario: tea\nA until it owns": (STALE, "there is no scenario tea any more"),
    "subject: none.py\nA until it owns": (STALE, "none.py: no such file; "),
    "start-C\nreplace-D\nA until it owns": (STALE, "direct-unlink offers no replace any more"),
    "scenario: outage-under-launchd-empty\nA until it owns": (
        STALE,
        "outage-under-launchd-empty is played by the clock now",
    ),
    "A until the 2nd unlink(gateway.pid)": (
        STALE,
        "A no longer makes unlink(gateway.pid) a 2nd time: it owns before that",
    ),
    "A until it ends\nstart-C": (STALE, "A no longer ends: it owns"),
    "A until unlink(gateway.pid)\nenolck-A": (
        STALE,
        "enolck-A is not possible any more: unlink() cannot fail so",
    ),
    "crash-B": (STALE, "crash-B is not possible any more: B is not alive"),
    "C until it owns": (STALE, "C no longer owns: there is no process C"),
    "A until it owns\nsigstop-A\nA until it ends": (FIXED, ""),
    "A until it owns\nB until it ends": (FIXED, ""),
    # Everybody runs on in the end, so that a race need not be told to its end.
    "A until unlink(gateway.pid)\nB until it owns": (
        VIOLATED,
        "at_most_one_owner: A and B both own the gateway",
    ),
}


@pytest.mark.parametrize("lines", SPOKEN)
def test_case_that_somebody_wrote(lines: str) -> None:
    headings = {line.partition(":")[0] for line in lines.splitlines() if ":" in line}
    kept = [line for line in STARTS.splitlines() if line.partition(":")[0] not in headings]
    recalled = recall(parse_case("\n".join([*kept, lines])))
    verdict, why = SPOKEN[lines]
    assert recalled.verdict == verdict, recalled
    assert recalled.why.startswith(why) if why else not recalled.why
