"""The standard scenarios: which processes run, on which disk, and which faults may happen.

Every combination of a cast, one of its disks and one of its *plans* is a scenario. A plan says which faults
may happen, and in which order, each at any moment. ``two-starts-stale-1-kill`` is two starts on a disk with
a stale record, one of which may be killed before any of its steps.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Final

from stateful.image import (
    CONTAINERS,
    LOOKALIKE,
    MARKED,
    NULL_OWN_PID,
    ODD,
    ODD_NAME,
    OTHERS,
    OWN_PID,
    PID_FILE,
    RECORD,
    RECYCLED,
    ROOTS,
    TWINS,
    ZOMBIE,
    DiskImage,
)
from stateful.kernel.machine import Machine
from stateful.life import OTHER, plain, runs_other
from stateful.supervision import SUPERVISIONS, SUPERVISIONS_BY_NAME, Supervision

DISKS: Final = (
    DiskImage("empty", "empty disk"),
    DiskImage("stale", "stale record", ((PID_FILE, RECORD),)),
    DiskImage("empty-file", "empty PID file", ((PID_FILE, b""),)),
    DiskImage("torn-file", "torn record", ((PID_FILE, RECORD[: len(RECORD) // 2]),)),
    RECYCLED,
)
NO_PROC: Final = DiskImage("no-proc", "stale record, no /proc", ((PID_FILE, RECORD),), Machine(proc=False))


CONTENDING: Final = ("start", "replace")

Plan = tuple[str, ...]  # the faults that may happen, by family, in this order
NOTHING: Final[Plan] = ()
KILL: Final[Plan] = ("kill",)
KILLS: Final[Plan] = ("kill", "kill")
POWER_LOSS: Final[Plan] = ("power-loss",)

# What else may happen; each family is described in ``stateful.deciders.faults``.
UPSETS: Final[tuple[Plan, ...]] = (
    ("sigterm",),
    ("sigstop",),
    ("errno",),
    ("recycled-pid",),
    ("kill", "recycled-pid"),
    ("reboot", "recycled-pid"),
    ("bad-disk",),
    ("clock-step",),
    ("removal",),
    ("corruption",),
    ("lost-home",),
    POWER_LOSS,
)
EVERY: Final = tuple(dict.fromkeys(family for plan in UPSETS for family in plan))
# Somebody else lays hands on the files: many a right protocol has never promised to survive that.
MEDDLING: Final = frozenset({"removal", "corruption", "lost-home"})


def faults_of_plan(plan: Plan) -> list[str]:
    """What may happen, in words: ``2 kills``."""
    return [count_faults(number, name) for name, number in Counter(plan).items()]


def count_faults(number: int, family: str) -> str:
    """A number of faults of a family, in words."""
    noun = family.replace("-", " ")
    return f"{number:,} {noun if number == 1 else 'power losses' if noun == 'power loss' else noun + 's'}"


@dataclass(frozen=True)
class Cast:
    """Who runs, and what may happen to them.

    Attributes:
        lives: the lives of A, B, C, in that order; those that begin with ``other-`` run the other subject.
        plans: the faults that may happen, in each of its scenarios.
        settled: the letters that run first, alone, until they own the gateway.
        exits: how many owners may be asked to exit.
        disks: the disks on which it is played.
        supervision: where it is played in virtual time, under supervisors, what these are.
        upset_on: the disks on which it is also played with each of ``UPSETS``; on the first one always.
        slow: the families of faults with which it takes a minute.
    """

    name: str
    title: str
    lives: tuple[str, ...]
    plans: tuple[Plan, ...] = (NOTHING,)
    settled: tuple[str, ...] = ()
    exits: int = 0
    disks: tuple[DiskImage, ...] = DISKS
    supervision: Supervision | None = None
    upset_on: tuple[DiskImage, ...] = ()
    slow: tuple[str, ...] = ()

    @property
    def is_mixed(self) -> bool:
        """Whether two subjects run in one home."""
        return any(runs_other(life) for life in self.lives)

    @property
    def has_newcomers(self) -> bool:
        """Whether anybody contends who has not settled."""
        lives = map(plain, self.lives)
        contends = [letter for letter, life in zip("ABCD", lives, strict=False) if life in CONTENDING]
        return bool(set(contends) - set(self.settled))


@dataclass(frozen=True)
class Scenario:
    """A cast on a disk, with a plan of faults. Its goals must be reached, else it proved nothing."""

    cast: Cast
    disk: DiskImage
    plan: Plan = NOTHING
    open_ended: bool = field(default=False, compare=False)

    @property
    def name(self) -> str:
        return "-".join([self.cast.name, self.disk.name, *faults_of_plan(self.plan)]).replace(" ", "-")

    @property
    def title(self) -> str:
        return ", ".join([self.cast.title, self.disk.title, *faults_of_plan(self.plan)])

    @property
    def loses_power(self) -> bool:
        """Whether it is kept track of what a power loss would leave of the disk."""
        return self.open_ended or POWER_LOSS[0] in self.plan

    def not_owed(self, not_offered: frozenset[str]) -> frozenset[str]:
        """The invariants that are not owed here by a subject that does not offer some.

        Who offers no recovery need not win on a disk that a dead owner left.
        """
        stuck = self.disk.files and "a_dead_owner_can_be_replaced" in not_offered
        return not_offered | {"some_contender_wins"} if stuck else not_offered

    def goals(self) -> tuple[str, ...]:
        """The names of the goals (see ``stateful.invariants``) that some execution must reach."""
        lives = tuple(map(plain, self.cast.lives))
        goals = ["an_owner_served"]
        if self.disk.files:
            goals.append("a_stale_record_was_reclaimed")
        if lives.count("start") > 1:
            goals.append("a_contender_was_refused")
        if self.plan and self.plan[-1] == "kill" and self.cast.has_newcomers:
            goals.append("a_crash_fell_inside_a_claim")
        if self.plan:
            goals.append("a_fault_happened")
        if "status" in lives and self.cast.has_newcomers:
            goals.append("a_reader_ran_beside_a_claim")
        if self.cast.exits:
            goals.append("an_owner_released")
        if "replace" in lives and lives[0] == "start" and not self.disk.machine.foreign:
            goals.append("a_replace_succeeded")
        if "stop" in lives:
            goals.append("a_stop_succeeded")
        return tuple(goals)


# For casts of which somebody has settled, or that are long: what stood there at first matters little.
USUAL: Final = DISKS[:2]

THREE_STARTS: Final = Cast(
    "three-starts",
    "three starts",
    ("start", "start", "start"),
    plans=(NOTHING, KILL, KILLS),
    upset_on=USUAL[:1],
    slow=EVERY,
)

CASTS: Final = (
    Cast("one-start", "one start", ("start",), plans=(NOTHING, KILL, POWER_LOSS), disks=(*DISKS, NO_PROC)),
    Cast(
        "two-starts",
        "two starts",
        ("start", "start"),
        plans=(NOTHING, KILL, KILLS),
        upset_on=USUAL,
    ),
    Cast(
        "start-and-status",
        "start and status query",
        ("start", "status"),
        plans=(NOTHING, KILL),
        upset_on=USUAL,
        slow=("power-loss",),
    ),
    Cast(
        "start-and-exit",
        "start and exit",
        ("start",),
        plans=(NOTHING, KILL),
        exits=1,
        upset_on=(DISKS[1], DISKS[0], *DISKS[2:]),
        slow=("power-loss",),
    ),
    Cast(
        "exit-and-start",
        "owner exits while another starts",
        ("start", "start"),
        plans=(NOTHING, KILL, KILLS),
        settled=("A",),
        exits=1,
        upset_on=USUAL[:1],
    ),
    Cast(
        "start-and-replace",
        "start and replace",
        ("start", "replace"),
        plans=(NOTHING, KILL),
        disks=USUAL,
        upset_on=USUAL[:1],
        slow=EVERY,
    ),
    Cast(
        "start-and-stop",
        "start and planned stop",
        ("start", "stop"),
        plans=(NOTHING, KILL),
        disks=USUAL,
        upset_on=USUAL[:1],
        slow=EVERY,
    ),
    Cast(
        "replace-of-owner",
        "owner is replaced",
        ("start", "replace"),
        plans=(NOTHING, KILL, KILLS),
        settled=("A",),
        disks=(*USUAL, NO_PROC),
        upset_on=USUAL[:1],
        slow=("sigterm", "errno", "clock-step", "power-loss"),
    ),
    Cast(
        "stop-of-owner",
        "owner is stopped as planned",
        ("start", "stop"),
        plans=(NOTHING, KILL),
        settled=("A",),
        disks=(*USUAL, NO_PROC),
        upset_on=USUAL[:1],
        slow=("errno", "power-loss"),
    ),
    Cast(
        "replace-and-status",
        "owner is replaced beside a status query",
        ("start", "replace", "status"),
        plans=(NOTHING, KILL),
        settled=("A",),
        disks=USUAL[:1],
        upset_on=USUAL[:1],
        slow=EVERY,
    ),
    THREE_STARTS,
)

TWO_REPLACES: Final = Cast(
    "two-replaces",
    "owner is replaced by two",
    ("start", "replace", "replace"),
    settled=("A",),
    disks=USUAL[:1],
)

ONE_REPLACE: Final = Cast("one-replace", "one replace", ("replace",))
_CAST: Final = {cast.name: cast for cast in (*CASTS, ONE_REPLACE)}


def _odd(name: str, plans: tuple[Plan, ...], *disks: DiskImage) -> Cast:
    """A cast on disks on which a pid names somebody else than who wrote the record."""
    return replace(_CAST[name], plans=plans, disks=disks, upset_on=())


ODD_CASTS: Final = (
    _odd("one-start", (NOTHING, KILL), *ODD),
    _odd("one-start", (("errno",),), CONTAINERS),  # the lock alone says who owns there
    _odd("one-replace", (NOTHING,), RECYCLED, *ODD),
    _odd("two-starts", (NOTHING,), OWN_PID, NULL_OWN_PID),
    _odd("two-starts", (NOTHING, KILL), ZOMBIE, CONTAINERS, ROOTS),
    _odd("start-and-status", (NOTHING, KILL), ZOMBIE, CONTAINERS, ROOTS),
    _odd("start-and-stop", (NOTHING,), LOOKALIKE),
    _odd("start-and-exit", (("sigterm",),), MARKED),
    _odd("replace-of-owner", (NOTHING, KILL), ZOMBIE, ODD_NAME, ROOTS),
)
LONG_ODD_CASTS: Final = (
    _odd("two-starts", (NOTHING, KILL, KILLS), TWINS, LOOKALIKE, OTHERS, ODD_NAME),
    _odd("start-and-status", (NOTHING, KILL), TWINS, OWN_PID, NULL_OWN_PID, LOOKALIKE),
    _odd("stop-of-owner", (NOTHING, KILL), ZOMBIE, ODD_NAME),
)


def _is_by_name(scenario: Scenario) -> bool:
    """Whether a scenario is searched only where it is named.

    It asks for more than many a protocol promises, or it may have some hundred thousand states and is told
    apart from others by little.
    """
    cast, disk = scenario.cast, scenario.disk
    killed_three = cast == THREE_STARTS and disk not in USUAL
    killed_polling = bool(cast.settled) and disk == NO_PROC
    if scenario.plan in UPSETS and cast.upset_on:
        return disk != cast.upset_on[0] or bool({*scenario.plan} & {*cast.slow, *MEDDLING})
    return cast in (TWO_REPLACES, *LONG_ODD_CASTS) or bool(scenario.plan and (killed_three or killed_polling))


_CASTS: Final = (*CASTS, *ODD_CASTS, TWO_REPLACES, *LONG_ODD_CASTS)
_KILLED: Final = tuple(
    Scenario(cast, disk, plan) for cast in _CASTS for plan in cast.plans for disk in cast.disks
)
_UPSET: Final = tuple(
    Scenario(cast, disk, plan) for cast in _CASTS for plan in UPSETS for disk in cast.upset_on
)
_ALL: Final = (*_KILLED, *_UPSET)
SCENARIOS: Final = tuple(scenario for scenario in _ALL if not _is_by_name(scenario))
SEARCHED_BY_NAME: Final = tuple(scenario for scenario in _ALL if _is_by_name(scenario))

_MEETING: Final = (
    ("start", "start"),
    ("replace", "replace"),
    ("status", "status query"),
    ("stop", "planned stop"),
)


def _meeting(owner: str, visitor: str, title: str) -> Cast:
    """An owner that runs one subject, and somebody who comes along and runs the other; ``start`` exits."""
    names = ("other owner", "") if runs_other(owner) else ("owner", "other ")
    return Cast(
        f"{names[0]} and {names[1]}{plain(visitor)}".replace(" ", "-"),
        f"{names[0]} and {names[1]}{title}",
        (owner, visitor),
        plans=(NOTHING, KILL),
        settled=("A",),
        exits=int(plain(visitor) == "start"),
        disks=USUAL,
    )


# Two subjects in one home, as while an upgrade or the way back is going on: the one named first, and the
# other one. Every invariant is owed as ever, by both together. There are never two owners, whichever they
# run. Whatever one leaves behind, each of the two can start. Whichever owns, a query of either finds it,
# and changes nothing; and whoever goes leaves the other's record alone.
MIXED: Final = tuple(
    Scenario(cast, disk, plan)
    for cast in (
        Cast(
            "start-and-other-start",
            "start and other start",
            ("start", "other-start"),
            plans=(NOTHING, KILL, KILLS),
            disks=USUAL,
        ),
        *(_meeting("other-start", life, title) for life, title in _MEETING),
        *(_meeting("start", OTHER + life, title) for life, title in _MEETING),
    )
    for plan in cast.plans
    for disk in cast.disks
)


def supervised(supervision: Supervision) -> Scenario:
    """The scenario of some units and what happens to them, on an empty disk."""
    lives = tuple(unit.life for unit in supervision.units)
    cast = Cast(supervision.name, supervision.title, lives, disks=DISKS[:1], supervision=supervision)
    return Scenario(cast, DISKS[0])


# Played in virtual time, not searched.
SUPERVISED: Final = tuple(map(supervised, SUPERVISIONS))
SUPERVISED_BY_NAME: Final = tuple(map(supervised, SUPERVISIONS_BY_NAME))
STANDARD: Final = (*SCENARIOS, *SUPERVISED)  # What is verified where nothing is named.

# What the Hypothesis machine plays on: processes come and go, without a limit on faults.
OPEN_ENDED: Final = tuple(
    Scenario(Cast("any", "any processes", ()), disk, open_ended=True) for disk in (*DISKS, *ODD)
)


BY_NAME: Final = (*SEARCHED_BY_NAME, *SUPERVISED_BY_NAME)


def find_scenario(name: str) -> Scenario:
    """The scenario with a name; KeyError where there is none."""
    for scenario in (*STANDARD, *BY_NAME, *MIXED, *OPEN_ENDED):
        if scenario.name == name:
            return scenario
    raise KeyError(name)


def find_scenarios(pattern: str, *, mixed: bool = False) -> list[Scenario]:
    """The scenarios whose names match a pattern such as ``two-starts-*``; KeyError where none does.

    Those of one subject match, or with ``mixed`` those of two.
    """
    if not set("*?[") & set(pattern):
        return [find_scenario(pattern)]
    among = MIXED if mixed else (*STANDARD, *BY_NAME)
    found = [scenario for scenario in among if fnmatchcase(scenario.name, pattern)]
    if not found:
        raise KeyError(pattern)
    return found
