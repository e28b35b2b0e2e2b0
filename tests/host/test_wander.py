"""Random schedules give the same at each step with real processes as in the simulation: a test of the kernel.

It has found a bug: a stopped process left ``serve`` when it was asked to exit.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

import pytest

from stateful.host import DIFFERS, Host
from stateful.model.images import DISKS, LOOKALIKE, ODD_NAME, OWN_PID, REBOOTED, ZOMBIE, DiskImage
from stateful.model.scenario import Cast, Scenario
from stateful.model.schedule import STEP, Move, ScheduleMismatch, parse_schedule
from stateful.model.trace import Trace
from stateful.protocol.subject import Subject, find_subject
from stateful.python.guard import Watchdog
from stateful.run.examine import examine
from stateful.run.execution import Execution
from stateful.run.replay import look

EVENTS: Final = tuple(
    f"{event}-{{}}" for event in ("crash", "crash", "term", "sigstop", "sigcont", "sigcont", "exit", "exit")
)
CALL_FAULTS: Final = tuple(
    f"{fault}-{{}}"
    for fault in ("eio", "enospc", "erofs", "eacces", "eperm", "emfile", "enolck", "eintr", "short", "short")
)
WORLD: Final = (
    *("recycle-{}", "lookalike-{}", "recycle-99", "clock+60", "clock-60", "reboot"),
    *("disk-full", "read-only", "disk-well", "disk-well", "home-gone", "home-new"),
    *("remove-gateway.lock", "remove-gateway.pid", "remove-gateway.guard", "power-loss-writeback-2"),
    *(f"corrupt-gateway.pid={how}" for how in ("torn", "empty", "deep", "directory", "link", "true")),
)
FAULTS: Final = ((), EVENTS, EVENTS + CALL_FAULTS, EVENTS + CALL_FAULTS + WORLD)
IMAGES: Final = (*DISKS, ZOMBIE, LOOKALIKE, REBOOTED, OWN_PID, ODD_NAME)
TURNS: Final = 14
MOST_PROCESSES: Final = 4
LONGEST_TURN: Final = 12

SUBJECTS: Final = (
    *("direct-unlink", pytest.param("reference", marks=pytest.mark.long)),
    *(
        pytest.param(f"tests/planted/{name}.py", marks=pytest.mark.long)
        for name in ("lockf_only", "waits_for_lock", "spares_the_stopped", "raises_out", "stop_cleans_up")
    ),
)


def anybody(disk: DiskImage) -> Scenario:
    """A scenario of any processes on a disk, with any faults."""
    return Scenario(Cast("any", "any processes", ()), disk, open_ended=True)


def wander(
    subject: Subject, disk: DiskImage, lives: Sequence[str], faults: Sequence[str], seed: int, turns: int
) -> Trace:
    """A trace of so many turns; ``faults`` may contain ``{}`` for the letter of a process."""
    draw = Random(seed)
    with Watchdog(), Execution(subject, anybody(disk), judged=False) as execution:
        look(execution)
        for _ in range(turns):
            for move in _turn(execution, draw, lives, faults):
                if not execution.possible(move):
                    break
                try:
                    execution.make(move)
                except ScheduleMismatch:
                    break
                look(execution)
        return execution.trace


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


def differences(host: Host, name: str, seeds: range) -> dict[int, str]:
    """What differs, by seed; each seed is another image, and each round of the images has more faults."""
    subject = find_subject(name)
    lives = examine(subject).lives
    found = {}
    for seed in seeds:
        image = IMAGES[seed % len(IMAGES)]
        faults = FAULTS[seed // len(IMAGES) % len(FAULTS)]
        trace = wander(subject, image, lives, faults, seed, TURNS)
        confirmation = host.confirm(subject, anybody(image), trace)
        if confirmation.verdict == DIFFERS:
            found[seed] = f"{trace.schedule}: {confirmation}"
    return found


@pytest.mark.parametrize("name", SUBJECTS)
def test_host_agrees_at_each_step(name: str, host: Host) -> None:
    assert differences(host, name, range(20)) == {}


def test_host_agrees_where_it_did_not(host: Host) -> None:
    """A short write before a boot id, and inode numbers of before a power loss or a reboot."""
    for seed in (1024, 1237, 1358):
        assert differences(host, "reference-status", range(seed, seed + 1)) == {}


@pytest.mark.long
@pytest.mark.parametrize("name", ("reference", "direct-unlink", "unlinked-lock", "reference-status"))
def test_host_agrees_for_long(name: str, host: Host) -> None:
    assert differences(host, name, range(1_000, 1_400)) == {}
