"""The standard scenarios: every combination of a cast, one of its disks and one of its plans is one."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final

from stateful.model.families import FAMILIES, TAMPERING, Plan
from stateful.model.images import (
    CONTAINERS,
    DISKS,
    ELSEWHERE,
    IN_A_SHELL,
    LOOKALIKE,
    MARKED,
    NO_PROC,
    NULL_OWN_PID,
    ODD,
    ODD_NAME,
    OTHERS,
    OWN_PID,
    RECYCLED,
    REUSED,
    ROOTS,
    TWINS,
    TWO_HOMES,
    WRAPPED,
    ZOMBIE,
    DiskImage,
)
from stateful.model.life import OTHER, plain, runs_other
from stateful.model.scenario import KILL, KILLS, NOTHING, PLANTED_LINK, POWER_LOSS, Cast, Scenario
from stateful.model.supervision import SUPERVISIONS, SUPERVISIONS_BY_NAME, Supervision

# The plans of faults that casts get beside their own plans.
UPSETS: Final = tuple(plan for family in FAMILIES.values() for plan in family.standard_plans)
EVERY: Final = tuple(dict.fromkeys(family for plan in UPSETS for family in plan))

# For long casts, and those with a settled process: there the initial disk matters little.
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
        "start and query",
        ("start", "status"),
        plans=(NOTHING, KILL),
        upset_on=USUAL,
        slow=("suspend", "power-loss"),
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
        slow=("suspend",),
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
        slow=("sigterm", "errno", "clock-step", "suspend", "power-loss"),
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
        "owner is replaced beside a query",
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
    wider_than="replace-of-owner",
)
TWO_EXITS: Final = Cast(
    "two-exits-and-starts",
    "two owners exit while others start",
    ("start", "start", "start"),
    settled=("A",),
    exits=2,
    disks=USUAL[:1],
    wider_than="exit-and-start",
)

ONE_REPLACE: Final = Cast("one-replace", "one replace", ("replace",))
_CAST: Final = {cast.name: cast for cast in (*CASTS, ONE_REPLACE)}


def _odd(name: str, plans: tuple[Plan, ...], *disks: DiskImage) -> Cast:
    """A cast on disks whose record names the pid of a process that did not write it."""
    return replace(_CAST[name], plans=plans, disks=disks, upset_on=())


ODD_CASTS: Final = (
    _odd("one-start", (NOTHING, KILL), *ODD),
    _odd("one-start", (PLANTED_LINK,), DISKS[0]),
    _odd("exit-and-start", (PLANTED_LINK,), DISKS[0]),
    _odd("one-start", (("errno",),), CONTAINERS),  # only the lock identifies the owner there
    _odd("one-replace", (NOTHING,), RECYCLED, *ODD),
    _odd("two-starts", (NOTHING,), OWN_PID, NULL_OWN_PID),
    _odd("two-starts", (NOTHING, KILL), ZOMBIE, CONTAINERS, ROOTS, REUSED),
    _odd("three-starts", (NOTHING, KILL), REUSED),
    _odd("exit-and-start", (NOTHING, KILL), REUSED),
    _odd("start-and-status", (NOTHING, KILL), ZOMBIE, CONTAINERS, ROOTS),
    _odd("start-and-exit", (NOTHING, KILL), ROOTS),
    _odd("start-and-stop", (NOTHING,), LOOKALIKE),
    _odd("start-and-exit", (("sigterm",),), MARKED),
    _odd("replace-of-owner", (NOTHING, KILL), ZOMBIE, ODD_NAME, ROOTS),
    _odd("two-starts", (NOTHING,), TWO_HOMES, ELSEWHERE),
    _odd("two-starts", (("lost-parent",),), IN_A_SHELL),
    _odd("start-and-status", (NOTHING,), TWO_HOMES),
    _odd("replace-of-owner", (NOTHING,), TWO_HOMES),
    _odd("stop-of-owner", (NOTHING,), TWO_HOMES),
    _odd("exit-and-start", (NOTHING, KILL), WRAPPED),
)
LONG_ODD_CASTS: Final = (
    _odd("two-starts", (NOTHING, KILL, KILLS), TWINS, LOOKALIKE, OTHERS, ODD_NAME),
    _odd("start-and-status", (NOTHING, KILL), TWINS, OWN_PID, NULL_OWN_PID, LOOKALIKE),
    _odd("stop-of-owner", (NOTHING, KILL), ZOMBIE, ODD_NAME),
)


def _is_by_name(scenario: Scenario) -> bool:
    """Whether a scenario is searched only by name.

    It demands more than many protocols promise, or it may have some hundred thousand states and differs
    little from others.
    """
    cast, disk = scenario.cast, scenario.disk
    killed_three = cast == THREE_STARTS and disk not in USUAL
    killed_polling = bool(cast.settled) and disk == NO_PROC
    if scenario.plan in UPSETS and cast.upset_on:
        return disk != cast.upset_on[0] or bool({*scenario.plan} & {*cast.slow, *TAMPERING})
    return cast in (TWO_REPLACES, TWO_EXITS, *LONG_ODD_CASTS) or bool(
        scenario.plan and (killed_three or killed_polling)
    )


_CASTS: Final = (*CASTS, *ODD_CASTS, TWO_REPLACES, TWO_EXITS, *LONG_ODD_CASTS)
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
    ("status", "query"),
    ("stop", "planned stop"),
)


def _meeting(owner: str, visitor: str, title: str) -> Cast:
    """An owner that runs one subject, beside another process that runs the other one.

    Beside a start the owner may exit.
    """
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


# Two subjects in one home, as during an upgrade or its reversal: the one named first, and the other one. Both
# together guarantee every invariant as usual. There are never two owners, whichever subject they run. Each of
# the two can start after anything that the other leaves behind. A query of either finds an owner of either,
# and changes nothing. A process on its way out leaves the record of the other subject's owner alone.
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
STANDARD: Final = (*SCENARIOS, *SUPERVISED)  # verified by default

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
