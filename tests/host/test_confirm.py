"""Every schedule in the tests and the documents gives the same result with real processes."""

from __future__ import annotations

import os
import re
import runpy
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from stateful.host import Host
from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario
from stateful.model.trace import Trace
from stateful.protocol.built_in import MODULES
from stateful.protocol.mutant_table import MUTANTS
from stateful.protocol.subject import find_subject
from stateful.run.replay import replay
from tests.shortened import shortened

TESTS: Final = Path(__file__).parents[1]
ROOT: Final = TESTS.parent


class Case(NamedTuple):
    subject: str
    other: str | None
    scenario: str
    schedule: str

    def replay(self) -> Trace:
        return replay(
            find_subject(self.subject, self.other),
            find_scenario(self.scenario),
            parse_schedule(self.schedule),
        )


def planted(name: str) -> str:
    return name if name in MODULES else f"tests/planted/{name}.py"


def pinned_in_tests() -> list[Case]:
    caught = runpy.run_path(str(TESTS / "model" / "test_invariants.py"))["CAUGHT"]
    broken = runpy.run_path(str(TESTS / "model" / "test_faults.py"))["BROKEN"]
    return [
        *(Case(planted(name), None, *where) for name, where in caught.items()),
        *(Case(planted(name), None, where, how) for name, where, _, how in broken.values()),
        Case("direct-unlink", None, "two-starts-root", "A8 B11"),
        Case("foreign-guard", None, "two-starts-containers", "A14 B1 A3 B10"),
    ]


def mutants() -> list[Case]:
    return [
        Case(name, None, mutant.scenario, mutant.schedule)
        for name, mutant in MUTANTS.items()
        if mutant.schedule
    ]


def mentioned() -> list[Case]:
    files = [ROOT / "README.md", *sorted((TESTS / "report" / "counterexamples").glob("*.txt"))]
    text = re.sub(r"\\\n\s+", " ", "\n".join(file.read_text(encoding="utf-8") for file in files))
    commands = re.findall(r'replay (?!path/to/)(\S+)(?: --with (\S+))?\s+--scenario (\S+)\s+"([^"]+)"', text)
    rows = re.findall(r'\| `([a-z-]+)` \|.*\| `(start-and-other\S+) "([^"]+)"` \|', text)
    return [
        *(Case(subject, other or None, *rest) for subject, other, *rest in commands),
        *(Case("reference", *row) for row in rows),
    ]


CASES: Final = tuple(dict.fromkeys((*pinned_in_tests(), *mentioned(), *mutants())))
BY_DEFAULT: Final = len({*pinned_in_tests(), *mentioned()}) + 10

# Why a schedule cannot be played, by its scenario; those that take root are played where tests run as root.
NEVER: Final = {
    "two-starts-containers": "each process of this scenario is pid 1 of a pid namespace of its own.",
    "three-starts-reused-inodes-1-kill": (
        "it takes a file system that gives inode numbers again, as this scenario's does."
    ),
    "two-starts-in-a-shell-1-lost-parent": (
        "a shell is the parent in this scenario, and the harness that of real processes."
    ),
    "exit-and-start-wrapped-pids": "no host can choose pids of such different lengths.",
    "one-start-thread": "a thread has the pid in the record of this scenario, and no host can choose its id.",
    "one-replace-minus-one": "kill(-1, 0) is for every process of the machine.",
}
NOT_BY_A_USER: Final = {
    "two-starts-root": "processes of two users take root.",
    **dict.fromkeys(
        (
            "start-and-exit-stale-1-kill-1-recycled-pid",
            "start-and-exit-stale-1-reboot-1-recycled-pid",
        ),
        "pids cannot be chosen here, which takes root and the file ns_last_pid.",
    ),
}


def test_schedules_are_found_in_all_places() -> None:
    assert len(pinned_in_tests()) >= 30
    assert len(mutants()) >= 60
    assert len(mentioned()) >= 12


@pytest.mark.parametrize(
    "case",
    shortened((pytest.param(case, id=f"{case.scenario}-{case.schedule}") for case in CASES), BY_DEFAULT),
)
def test_violation_is_confirmed(case: Case, host: Host) -> None:
    trace = case.replay()
    assert trace.violation is not None
    found = str(host.confirm(find_subject(case.subject, case.other), find_scenario(case.scenario), trace))
    why = NEVER.get(case.scenario) or (NOT_BY_A_USER.get(case.scenario) if os.getuid() else None)
    if why:
        assert found == f"Cannot be played on this host: {why}"
    else:
        steps, processes = trace.length, len(trace.lives)
        assert re.fullmatch(
            rf"Confirmed on the host: {steps} steps? of {processes} real process(es)?, "
            r"the same calls, answers and end \(Linux [0-9.]+, [a-z0-9]+\)\."
            r"( Not the host's: [a-z ,]+\.)?",
            found,
        )


@pytest.mark.parametrize(
    ("scenario", "schedule", "why"),
    [
        (
            "one-start-no-proc",
            "A3",
            "there is no /proc on the machine of this scenario, and there is one here.",
        ),
        (
            "one-start-own-pid",
            "start-B B3 A1",
            "the record names the pid of A, which is not there until later.",
        ),
        (
            "start-and-exit-stale-1-corruption",
            "corrupt-gateway.pid=init A5",
            "kill is about pid 1, a process of this machine outside the play.",
        ),
    ],
)
def test_what_cannot_be_played_says_why(scenario: str, schedule: str, why: str, host: Host) -> None:
    subject, where = find_subject("direct-unlink"), find_scenario(scenario)
    trace = replay(subject, where, parse_schedule(schedule))
    assert str(host.confirm(subject, where, trace)) == f"Cannot be played on this host: {why}"


@pytest.mark.parametrize(
    "schedule",
    (
        "A3 term-A",
        "A3 sigstop-A term-A sigcont-A",  # What it was sent while it was stopped ends it when it goes on.
        "A8 sigstop-A crash-A start-C C3",
        "A8 exit-A A4",
    ),
)
def test_end_is_a_real_one(schedule: str, host: Host) -> None:
    subject, scenario = find_subject("direct-unlink"), find_scenario("two-starts-empty")
    trace = replay(subject, scenario, parse_schedule(schedule))
    assert host.confirm(subject, scenario, trace).confirmed


DATED = """import os, psutil, time

def gateway(home, serve):
    {uses}
    serve()
"""


@pytest.mark.parametrize(
    ("uses", "imitated"),
    [
        ("os.getpid()", ""),
        ("time.time()", " Not the host's: the clock."),
        ("psutil.Process(); os.urandom(8)", " Not the host's: psutil, random numbers."),
    ],
)
def test_confirmation_says_what_was_not_the_hosts(
    uses: str, imitated: str, host: Host, tmp_path: Path
) -> None:
    (tmp_path / "dated.py").write_text(DATED.replace("{uses}", uses))
    subject, scenario = find_subject(str(tmp_path / "dated.py")), find_scenario("two-starts-empty")
    trace = replay(subject, scenario, parse_schedule("A1 B1"))
    said = host.confirm(subject, scenario, trace)
    assert said.confirmed
    assert said.sentence.partition(").")[2] == imitated
