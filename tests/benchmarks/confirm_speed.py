"""Measures how many schedules real processes play in a second when they confirm a violation."""

from __future__ import annotations

import time
from typing import Final, NamedTuple

from stateful.host import CONFIRMED, Host
from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario
from stateful.protocol.subject import Subject
from stateful.run.replay import replay

SCENARIO: Final = "two-starts-empty"
SCHEDULE: Final = "A1 B8 A7"


class Plays(NamedTuple):
    """How many schedules were played, and how long that took."""

    schedules: int
    seconds: float
    steps: int


def play(subject: Subject, seconds: float) -> Plays:
    """Have two real processes play a race of a subject again and again for some seconds."""
    scenario = find_scenario(SCENARIO)
    trace = replay(subject, scenario, parse_schedule(SCHEDULE))
    with Host() as host:
        first = host.confirm(subject, scenario, trace)  # It starts the fork server.
        if first.verdict != CONFIRMED:
            raise RuntimeError(str(first))
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            host.confirm(subject, scenario, trace)
            count += 1
        return Plays(count, time.perf_counter() - started, trace.length)


def confirm_lines(name: str, plays: Plays) -> list[str]:
    """The speed in words."""
    return [
        f'Confirmed on the host: {name} {SCENARIO} "{SCHEDULE}", {plays.steps} steps of two real processes',
        f"  {plays.schedules:,} schedules in {plays.seconds:.1f} s, "
        f"{plays.schedules / plays.seconds:,.0f} per second, each step gated and compared",
    ]
