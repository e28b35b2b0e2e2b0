"""The families of faults, and which faults of a family may happen in a world: said once for every decider.

A plan names families and not faults, so that no fault of a family is forgotten. The search tries all of the
moves that are enumerated here, in their order; walks and the Hypothesis machine draw one of them, which
``widened`` makes one of many more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final, NamedTuple, Protocol

from stateful.model.call import Call
from stateful.model.faults import FAULTS, ON_CALLS, POWER_LOSS, RECOVERIES, Aim, Fault
from stateful.model.images import NAMELESS, NULL_OWN_PID, NULL_START, DiskImage
from stateful.model.machine import DEAD_PID
from stateful.model.schedule import Move
from stateful.model.usage import faults_of

Plan = tuple[str, ...]  # the families of the faults that may happen, in this order


class Family(NamedTuple):
    """Faults that the search tries together.

    Attributes:
        plans: the plans of standard scenarios in which it comes last; None for the family alone.
        plural: of its name in words.
        at_once: the fault that may happen right before, with nothing between, where faults are drawn.
        exposes: a process can see them by what it does in a private folder.
    """

    name: str
    plans: tuple[Plan, ...] | None = None
    plural: str = ""
    at_once: str = ""
    exposes: bool = False

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Its faults."""
        return tuple(fault for fault in FAULTS.values() if fault.family == self.name)

    @property
    def is_of_calls(self) -> bool:
        """Whether its faults make calls fail."""
        return all(fault.aim in ON_CALLS for fault in self.faults)

    @property
    def standard_plans(self) -> tuple[Plan, ...]:
        """The plans of standard scenarios in which it comes last."""
        return ((self.name,),) if self.plans is None else self.plans

    def in_words(self, number: int) -> str:
        """A number of its faults: ``2 kills``."""
        noun = self.name.replace("-", " ")
        return f"{number:,} {noun if number == 1 else self.plural or f'{noun}s'}"


FAMILIES: Final = {
    family.name: family
    for family in (
        Family("kill", plans=()),  # each cast says how many
        Family("sigterm"),
        Family("sigstop"),
        Family("errno"),
        Family(
            "recycled-pid",
            (("recycled-pid",), ("kill", "recycled-pid"), ("reboot", "recycled-pid")),
            at_once="crash",
        ),
        Family("reboot", plans=()),  # which alone is what several kills are
        Family("bad-disk", exposes=True),
        Family("clock-step", exposes=True),
        Family("suspend", exposes=True),
        Family("removal"),
        Family("corruption"),
        Family("lost-home"),
        Family(POWER_LOSS, plural="power losses"),
    )
}
TAMPERING: Final = frozenset(
    family.name for family in FAMILIES.values() if all(fault.tampering for fault in family.faults)
)


class World(Protocol):
    """What faults may be aimed at: a state of the search, or an execution."""

    @property
    def image(self) -> DiskImage:
        """The disk that it began with."""

    def living(self) -> list[str]:
        """The letters of the processes that live."""

    def stopped(self) -> list[str]:
        """The letters of the processes that are stopped."""

    def ended(self) -> list[str]:
        """The letters of the processes that have ended, and whose pid another process may be given."""

    def handles(self, letter: str, number: int) -> bool:
        """Whether a process has a handler for a signal."""

    def callers(self) -> Sequence[str]:
        """The letters of the processes that may be about to make a call."""

    def next_call(self, letter: str) -> Call | None:
        """The call that a caller is about to make; None where it is not."""

    def files(self) -> list[str]:
        """The names of the files in the home."""

    def images(self) -> list[str]:
        """The images that a power loss may leave, as a schedule names them."""

    def disk_fails(self) -> bool:
        """Whether the disk is full or read-only, or a link stands in the place of a file."""


# The pid that a record without a start time names, given to another gateway: were the record that gateway's
# own, it would look the same.
_UNDECIDABLE: Final = {
    NULL_START: f"lookalike-{DEAD_PID}",
    NAMELESS: f"lookalike-{DEAD_PID}",
    NULL_OWN_PID: "lookalike-A",
}


def fault_moves(family: str, world: World, letter: str | None = None) -> list[Move]:
    """Every fault of a family that may happen now.

    With a letter only those that a hidden step of that process does not commute with: a fault of its next
    call, and a signal that it handles.
    """
    row = FAMILIES[family]
    if letter and not row.is_of_calls:
        # The handler may be one that the hidden step lets the process do without, or that makes it fail.
        handled = (fault for fault in row.faults if fault.number and world.handles(letter, fault.number))
        return [Move(fault.name, letter) for fault in handled]
    if not row.is_of_calls:
        return [move for fault in row.faults for move in _aimed(fault, world)]
    moves = []
    for caller in [letter] if letter else world.callers():
        call = world.next_call(caller)
        moves += [Move(fault, caller) for fault in faults_of(call)] if call else []
    return moves


def recoveries(world: World) -> list[Move]:
    """What the world may do at any time to end a fault that lasts."""
    return [move for name in RECOVERIES for move in _aimed(FAULTS[name], world)]


def is_decidable(move: Move, world: World) -> bool:
    """Whether a protocol can tell by the record what a move makes of a pid."""
    return str(move) != _UNDECIDABLE.get(world.image)


def _aimed(fault: Fault, world: World) -> Iterator[Move]:
    """A fault, at all that it may be aimed at but calls."""
    if fault.aim is Aim.PROCESS or fault.aim is Aim.STOPPED:
        for letter in world.living() if fault.aim is Aim.PROCESS else world.stopped():
            yield Move(fault.name, letter)
    elif fault.aim is Aim.PID:
        free = [*(Move(fault.name, letter) for letter in world.ended()), Move(fault.name, "", str(DEAD_PID))]
        yield from (move for move in free if is_decidable(move, world))
    elif fault.aim is Aim.FILE:
        details = (f"{name}={how}" if how else name for name in world.files() for how in fault.tried)
        yield from (Move(fault.name, "", each) for each in details if re.fullmatch(fault.detail, each))
    elif fault.aim is Aim.IMAGE:
        yield from (Move(fault.name, "", which) for which in world.images())
    elif fault.aim is Aim.MACHINE or (fault.aim is Aim.FAILING_DISK and world.disk_fails()):
        yield from (Move(fault.name, "", how) for how in fault.tried)


def widened(move: Move, random: Random) -> Move:
    """A fault that was enumerated as sampling has it, which draws how it happens."""
    draw = FAULTS[move.kind].widened
    if draw is None:
        return move
    name, joint, _ = move.detail.rpartition("=")
    return move._replace(detail=f"{name}{joint}{draw(random)}")
