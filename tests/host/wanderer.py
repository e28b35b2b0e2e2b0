"""Random schedules, always the same for a seed: who can moves, and now and then the world does something."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from stateful.execution import Execution
from stateful.image import DiskImage
from stateful.kernel.guard import Watchdog
from stateful.scenario import Cast, Scenario
from stateful.schedule import STEP, Move, ScheduleMismatch, parse_schedule
from stateful.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stateful.subject import Subject

MOST_PROCESSES: Final = 4
LONGEST_TURN: Final = 12


def anybody(disk: DiskImage) -> Scenario:
    """A scenario of any processes on a disk, with any faults."""
    return Scenario(Cast("any", "any processes", ()), disk, open_ended=True)


def wander(
    subject: Subject, disk: DiskImage, lives: Sequence[str], faults: Sequence[str], seed: int, turns: int
) -> Trace:
    """A trace of so many turns; ``faults`` may contain ``{}`` for the letter of a process."""
    draw = Random(seed)
    with Watchdog(), Execution(subject, anybody(disk), judged=False) as execution:
        trace, kernel = execution.trace, execution.kernel
        trace.disks.append(kernel.disk())
        trace.tables.append(kernel.table())
        for _ in range(turns):
            for move in _turn(execution, draw, lives, faults):
                if not execution.possible(move):
                    break
                try:
                    execution.make(move)
                except ScheduleMismatch:
                    break
                trace.disks.append(kernel.disk())
                trace.tables.append(kernel.table())
        return trace


def _turn(execution: Execution, draw: Random, lives: Sequence[str], faults: Sequence[str]) -> list[Move]:
    letters = list(execution.processes())
    able = [letter for letter in letters if execution.possible(Move(STEP, letter))]
    if len(letters) < MOST_PROCESSES and (not able or draw.random() < 0.2):
        return [Move(draw.choice(lives), execution.next_letter())]
    if faults and letters and (not able or draw.random() < 0.15):
        return parse_schedule(draw.choice(faults).format(draw.choice(letters)))
    if not able:
        return parse_schedule(f"crash-{draw.choice(letters)}")
    return [Move(STEP, draw.choice(able))] * draw.randint(1, LONGEST_TURN)
