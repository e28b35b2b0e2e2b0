"""Faults drawn at random from those of a family that may happen now in an execution.

The families are those of the plans of scenarios: see ``stateful.deciders.faults``, which lists all of each
for the exhaustive search.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from stateful.deciders.faults import CLOCK_STEPS_S, CORRUPTIONS
from stateful.deciders.power import JUDGED
from stateful.deciders.presence import fallible, files, living, pending, recyclings, running
from stateful.execution import Execution
from stateful.kernel.call_faults import faults_of
from stateful.kernel.power import POWER_LOSS
from stateful.schedule import Move

Draw = Callable[[Execution, Random], Sequence[Move]]


def draw_fault(execution: Execution, family: str, random: Random) -> Move | None:
    """A fault of a family that may happen now; None where none may."""
    among = FAMILIES[family](execution, random)
    return random.choice(among) if among else None


def _signal(kind: str, whom: Callable[[Execution], list[str]]) -> Draw:
    return lambda execution, random: [Move(kind, letter) for letter in whom(execution)]


def _errnos(execution: Execution, random: Random) -> Sequence[Move]:
    return [
        Move(fault, letter)
        for letter in fallible(execution)
        for fault in faults_of(pending(execution, letter))
    ]


def _recycled(execution: Execution, random: Random) -> Sequence[Move]:
    return recyclings(execution)


def _removed(execution: Execution, random: Random) -> Sequence[Move]:
    return [Move("remove", "", name) for name in files(execution)]


def _corrupted(execution: Execution, random: Random) -> Sequence[Move]:
    return [Move("corrupt", "", f"{name}={how}") for name in files(execution) for how in CORRUPTIONS]


def _lost_power(execution: Execution, random: Random) -> Sequence[Move]:
    persistence = execution.kernel.follow()
    if persistence is None:
        return []
    profile = random.choice(JUDGED)
    images = len(persistence.images(profile).listed)
    return [Move(POWER_LOSS, "", f"{profile}-{random.randint(1, images)}")] if images else []


def _one_of(*faults: Move) -> Draw:
    return lambda execution, random: faults


FAMILIES: Final[dict[str, Draw]] = {
    "kill": _signal("crash", living),
    "sigterm": _signal("term", living),
    "sigstop": _signal("sigstop", running),
    "errno": _errnos,
    "recycled-pid": _recycled,
    "reboot": _one_of(Move("reboot")),
    "bad-disk": _one_of(Move("disk-full"), Move("read-only")),
    "clock-step": _one_of(*(Move("clock", "", seconds) for seconds in CLOCK_STEPS_S)),
    "removal": _removed,
    "corruption": _corrupted,
    "lost-home": _one_of(Move("home-gone"), Move("home-new")),
    "power-loss": _lost_power,
}
