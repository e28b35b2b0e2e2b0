"""The families of faults, and which faults of a family may happen in a state, for every decider.

A plan names families, not faults, so that it covers every fault of a family. The search tries all moves that
are enumerated here, in their order; walks and the Hypothesis machine draw one of them, and ``widened`` draws
its details from many more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import Final, NamedTuple, Protocol

from stateful.model.call import Call
from stateful.model.faults import FAULTS, ON_CALLS, POWER_LOSS, RECOVERIES, Aim, Fault
from stateful.model.images import NAMELESS, NULL_OWN_PID, NULL_START, DiskImage
from stateful.model.listing import orders
from stateful.model.machine import DEAD_PID
from stateful.model.schedule import Move
from stateful.model.usage import changes_something, faults_of

Plan = tuple[str, ...]  # the families of the faults that may happen, in this order


class Family(NamedTuple):
    """Faults that the search tries together.

    Attributes:
        plans: the plans of standard scenarios in which it comes last; None for the plan of the family alone.
        plural: the plural of its name in words, if it is irregular.
        at_once: a fault that sampling may draw immediately before one of this family.
        needs: what a subject must do for any of its faults to be possible; empty if they always are.
    """

    name: str
    plans: tuple[Plan, ...] | None = None
    plural: str = ""
    at_once: str = ""
    needs: str = ""

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
        Family("kill", plans=()),  # each cast says how many kills
        Family("sigterm"),
        Family("sigint"),
        Family("sigstop"),
        Family("exception"),
        Family("errno"),
        Family(
            "recycled-pid",
            (("recycled-pid",), ("kill", "recycled-pid"), ("reboot", "recycled-pid")),
            at_once="crash",
        ),
        Family("lost-parent", plans=()),  # where there is a shell
        Family("reboot", plans=()),  # alone it is the same as several kills
        Family("bad-disk"),
        Family(
            "listing-order",
            (("listing-order",), ("kill", "listing-order")),
            needs="a process that lists two names",
        ),
        Family("clock-step"),
        Family("suspend"),
        Family("long-run"),
        Family("removal"),
        Family("corruption"),
        Family("lost-home"),
        Family("planted-link", plans=()),  # in scenarios of its own
        Family(POWER_LOSS, plural="power losses"),
    )
}
TAMPERING: Final = frozenset(
    family.name for family in FAMILIES.values() if all(fault.tampering for fault in family.faults)
)


class World(Protocol):
    """The state in which faults may happen: a state of the search, or an execution."""

    @property
    def image(self) -> DiskImage:
        """The initial disk."""

    def living(self) -> list[str]:
        """The letters of the live processes."""

    def stopped(self) -> list[str]:
        """The letters of the stopped processes."""

    def serving(self) -> list[str]:
        """The letters of the owners whose serve may end now."""

    def waiting(self) -> list[str]:
        """The letters of the processes before their first turn."""

    def ended(self) -> list[str]:
        """The letters of ended processes whose pid may be given to another process."""

    def handles(self, letter: str, number: int) -> bool:
        """Whether a process has a handler for a signal, at its first call if it has not had a turn."""

    def callers(self) -> Sequence[str]:
        """The letters of the processes that may be about to make a call."""

    def next_call(self, letter: str) -> Call | None:
        """The call that a caller is about to make; None if there is none."""

    def files(self) -> list[str]:
        """The names of the files in the home."""

    def images(self) -> list[str]:
        """The disk images that a power loss may leave, as a schedule names them."""

    def disk_fails(self) -> bool:
        """Whether the disk is full or read-only, or a link has replaced a file."""

    def is_at_rest(self) -> bool:
        """Whether every live process serves or waits."""

    def has_shell(self) -> bool:
        """Whether the shell lives in which the processes were started."""

    def listings(self) -> list[tuple[str, list[str]]]:
        """The folders whose order may be chosen now, because it matters next, with their names."""


# Faults that give the pid of a record without a start time to another gateway. No protocol can tell that: the
# record would look the same if that gateway had written it.
_UNDECIDABLE: Final = {
    NULL_START: f"lookalike-{DEAD_PID}",
    NAMELESS: f"lookalike-{DEAD_PID}",
    NULL_OWN_PID: "lookalike-A",
}


def fault_moves(family: str, world: World, letter: str | None = None) -> list[Move]:
    """Every fault of a family that may happen now.

    With a letter, only those that do not commute with an invisible step of that process: a fault of its next
    call, and a signal that it handles.
    """
    row = FAMILIES[family]
    if letter and not row.is_of_calls:
        # The order matters: the step may uninstall the handler, and the handler may make the process fail.
        signals = [fault for fault in row.faults if fault.number and world.handles(letter, fault.number)]
        return [move for fault in signals for move in _aimed(fault, world) if move.letter == letter]
    if not row.is_of_calls:
        return [move for fault in row.faults for move in _aimed(fault, world)]
    moves = []
    for caller in [letter] if letter else world.callers():
        call = world.next_call(caller)
        moves += [Move(fault, caller) for fault in faults_of(call)] if call else []
    return moves


def recoveries(world: World) -> list[Move]:
    """The moves by which the world may at any time end a lasting fault."""
    return [move for name in RECOVERIES for move in _aimed(FAULTS[name], world)]


def is_decidable(move: Move, world: World) -> bool:
    """Whether a protocol can tell which process lives after a move.

    In containers a pid tells nothing of a process in another one, so that only its lock does: whoever removes
    that takes away all that could be known.
    """
    fault = FAULTS.get(move.kind)
    if fault is not None and fault.tampering and world.image.machine.containers:
        return False
    return str(move) != _UNDECIDABLE.get(world.image)


def _signalled(fault: Fault, world: World) -> Iterator[str]:
    """The live processes, and those that handle a signal before their first call."""
    yield from world.living()
    yield from (letter for letter in world.waiting() if world.handles(letter, fault.number))


def _interrupted(fault: Fault, world: World) -> Iterator[str]:
    """The processes that handle a signal and whose next call changes something that others see.

    Otherwise it does not matter whether the handler runs before the call or before it returns.
    """
    for letter in world.callers():
        call = world.next_call(letter)
        if call is not None and changes_something(call) and world.handles(letter, fault.number):
            yield letter


# The processes to which the faults of one process may happen.
_LETTERS: Final[dict[Aim, Callable[[Fault, World], Iterable[str]]]] = {
    Aim.PROCESS: _signalled,
    Aim.STOPPED: lambda fault, world: world.stopped(),
    Aim.SERVE: lambda fault, world: world.serving(),
    Aim.RETURN: _interrupted,
}


def _aimed(fault: Fault, world: World) -> Iterator[Move]:
    """The moves of a fault that is not aimed at calls, one for each target and detail."""
    if fault.unattended and world.living():
        return
    if fault.aim in _LETTERS:
        yield from (Move(fault.name, letter) for letter in _LETTERS[fault.aim](fault, world))
    elif fault.aim is Aim.PID:
        free = [*(Move(fault.name, letter) for letter in world.ended()), Move(fault.name, "", str(DEAD_PID))]
        yield from (move for move in free if is_decidable(move, world))
    elif fault.aim is Aim.FILE:
        details = (f"{name}={how}" if how else name for name in world.files() for how in fault.tried)
        yield from (Move(fault.name, "", each) for each in details if re.fullmatch(fault.detail, each))
    elif fault.aim is Aim.LISTING:
        chosen = (each for folder, names in world.listings() for each in orders(folder, names))
        yield from (Move(fault.name, "", each) for each in chosen if re.fullmatch(fault.detail, each))
    elif fault.aim is Aim.IMAGE:
        yield from (Move(fault.name, "", which) for which in world.images())
    elif _may_befall(fault.aim, world):
        yield from (Move(fault.name, "", how) for how in fault.tried)


def _may_befall(aim: Aim, world: World) -> bool:
    """Whether a fault of the machine as a whole may happen now."""
    if aim is Aim.FAILING_DISK:
        return world.disk_fails()
    if aim is Aim.SHELL:
        return world.has_shell()
    return aim is Aim.MACHINE or (aim is Aim.REST and world.is_at_rest())


def widened(move: Move, random: Random) -> Move:
    """An enumerated fault with the details that sampling draws for it."""
    draw = FAULTS[move.kind].widened
    if draw is None:
        return move
    name, joint, _ = move.detail.rpartition("=")
    return move._replace(detail=f"{name}{joint}{draw(random)}")
