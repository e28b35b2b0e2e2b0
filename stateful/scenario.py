"""The standard scenarios: which processes run, on which disk, and which faults may happen.

Every combination of a cast and one of its disks is a scenario, once without kills and once more for each
number of kills that makes sense. ``two-starts-stale-1-kill`` is two starts on a disk with a stale record,
one of which may be killed before any of its steps.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Final

from stateful.kernel.disk import HOME
from stateful.kernel.kernel import Stranger

FIRST_PID: Final = 101
DEAD_PID: Final = 99
START_TICKS: Final = 5000
PID_FILE: Final = f"{HOME}/gateway.pid"

RECORD: Final = json.dumps(
    {
        "pid": DEAD_PID,
        "kind": "hermes-gateway",
        "argv": ["hermes_cli/main.py", "gateway", "run"],
        "start_time": 1000,
    }
).encode()

STRANGER: Final = Stranger(DEAD_PID, 4000, ("/usr/bin/postgres", "-D", "/srv/data"))


@dataclass(frozen=True)
class DiskImage:
    """What stands on the disk before anybody runs, and what the machine is like.

    Attributes:
        strangers: who lives on it beside the subject.
        proc: whether it has ``/proc`` and pidfds; where it has not, psutil is what tells of processes.
    """

    name: str
    title: str
    files: tuple[tuple[str, bytes], ...] = ()
    strangers: tuple[Stranger, ...] = ()
    proc: bool = True


DISKS: Final = (
    DiskImage("empty", "empty disk"),
    DiskImage("stale", "stale record", ((PID_FILE, RECORD),)),
    DiskImage("empty-file", "empty PID file", ((PID_FILE, b""),)),
    DiskImage("torn-file", "torn record", ((PID_FILE, RECORD[: len(RECORD) // 2]),)),
    DiskImage("recycled-pid", "record of a recycled pid", ((PID_FILE, RECORD),), (STRANGER,)),
)
NO_PROC: Final = DiskImage("no-proc", "stale record, no /proc", ((PID_FILE, RECORD),), proc=False)


CONTENDING: Final = ("start", "replace")


@dataclass(frozen=True)
class Cast:
    """Who runs, and how often each fault may happen.

    Attributes:
        lives: the lives of A, B, C, in that order.
        settled: the letters that run first, alone, until they own the gateway.
        exits: how many owners may be asked to exit.
        most_kills: the largest number of kills that makes sense.
        disks: the disks on which it is played.
    """

    name: str
    title: str
    lives: tuple[str, ...]
    most_kills: int
    settled: tuple[str, ...] = ()
    exits: int = 0
    disks: tuple[DiskImage, ...] = DISKS

    @property
    def has_newcomers(self) -> bool:
        """Whether anybody contends who has not settled."""
        contends = [letter for letter, life in zip("ABCD", self.lives, strict=False) if life in CONTENDING]
        return bool(set(contends) - set(self.settled))


@dataclass(frozen=True)
class Scenario:
    """A cast on a disk, with a number of kills. Its goals must be reached, else it proved nothing."""

    cast: Cast
    disk: DiskImage
    kills: int = 0
    open_ended: bool = field(default=False, compare=False)

    @property
    def name(self) -> str:
        return "-".join([self.cast.name, self.disk.name, *([_kills(self.kills)] if self.kills else [])])

    @property
    def title(self) -> str:
        kills = f", {_kills(self.kills).replace('-', ' ')}" if self.kills else ""
        return f"{self.cast.title}, {self.disk.title}{kills}"

    def goals(self) -> tuple[str, ...]:
        """The names of the goals (see ``stateful.invariants``) that some execution must reach."""
        goals = ["an_owner_served"]
        if self.disk.files:
            goals.append("a_stale_record_was_reclaimed")
        if self.cast.lives.count("start") > 1:
            goals.append("a_contender_was_refused")
        if self.kills and self.cast.has_newcomers:
            goals.append("a_crash_fell_inside_a_claim")
        if "status" in self.cast.lives:
            goals.append("a_reader_ran_beside_a_claim")
        if self.cast.exits:
            goals.append("an_owner_released")
        if "replace" in self.cast.lives:
            goals.append("a_replace_succeeded")
        if "stop" in self.cast.lives:
            goals.append("a_stop_succeeded")
        return tuple(goals)


def _kills(number: int) -> str:
    return "1-kill" if number == 1 else f"{number}-kills"


# For casts of which somebody has settled, or that are long: what stood there at first matters little.
USUAL: Final = DISKS[:2]

THREE_STARTS: Final = Cast("three-starts", "three starts", ("start", "start", "start"), most_kills=2)

CASTS: Final = (
    Cast("one-start", "one start", ("start",), most_kills=1, disks=(*DISKS, NO_PROC)),
    Cast("two-starts", "two starts", ("start", "start"), most_kills=2),
    Cast("start-and-status", "start and status query", ("start", "status"), most_kills=1),
    Cast("start-and-exit", "start and exit", ("start",), most_kills=1, exits=1),
    Cast(
        "exit-and-start",
        "owner exits while another starts",
        ("start", "start"),
        most_kills=2,
        settled=("A",),
        exits=1,
    ),
    Cast("start-and-replace", "start and replace", ("start", "replace"), most_kills=1, disks=USUAL),
    Cast("start-and-stop", "start and planned stop", ("start", "stop"), most_kills=1, disks=USUAL),
    Cast(
        "replace-of-owner",
        "owner is replaced",
        ("start", "replace"),
        most_kills=2,
        settled=("A",),
        disks=(*USUAL, NO_PROC),
    ),
    Cast(
        "stop-of-owner",
        "owner is stopped as planned",
        ("start", "stop"),
        most_kills=1,
        settled=("A",),
        disks=(*USUAL, NO_PROC),
    ),
    Cast(
        "replace-and-status",
        "owner is replaced beside a status query",
        ("start", "replace", "status"),
        most_kills=1,
        settled=("A",),
        disks=USUAL[:1],
    ),
    THREE_STARTS,
)

TWO_REPLACES: Final = Cast(
    "two-replaces",
    "owner is replaced by two",
    ("start", "replace", "replace"),
    most_kills=0,
    settled=("A",),
    disks=USUAL[:1],
)


def _is_long(scenario: Scenario) -> bool:
    """Whether a scenario may have some hundred thousand states, and is told apart from others by little."""
    cast, disk = scenario.cast, scenario.disk
    killed_three = cast == THREE_STARTS and disk not in USUAL
    killed_polling = bool(cast.settled) and disk == NO_PROC
    return cast == TWO_REPLACES or bool(scenario.kills and (killed_three or killed_polling))


_ALL: Final = tuple(
    Scenario(cast, disk, kills)
    for cast in (*CASTS, TWO_REPLACES)
    for kills in range(cast.most_kills + 1)
    for disk in cast.disks
)
SCENARIOS: Final = tuple(scenario for scenario in _ALL if not _is_long(scenario))
LONG: Final = tuple(scenario for scenario in _ALL if _is_long(scenario))  # Minutes each: searched by name.

# What the Hypothesis machine plays on: processes come and go, without a limit on faults.
OPEN_ENDED: Final = tuple(
    Scenario(Cast("any", "any processes", (), most_kills=0), disk, open_ended=True) for disk in DISKS
)


def find_scenario(name: str) -> Scenario:
    """The scenario with a name; KeyError where there is none."""
    for scenario in (*SCENARIOS, *LONG, *OPEN_ENDED):
        if scenario.name == name:
            return scenario
    raise KeyError(name)
