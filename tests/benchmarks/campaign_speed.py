"""Measures how soon a campaign finds the first violation of a subject, beside a race of real processes.

One worker, in this process, goes through the portfolio as a campaign does and begins with an empty corpus.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median_low
from typing import TYPE_CHECKING, Final, NamedTuple

from stateful.campaign.corpus import Corpus
from stateful.campaign.messages import Found, Message, Slice
from stateful.campaign.session import work
from stateful.run.examine import examine, steps_of_a_start
from stateful.sample.draft import NARROWEST
from stateful.sample.scheduler import MEMBERS
from tests.benchmarks.real_races import RaceCount, race_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stateful.protocol.subject import Subject

SLICE_S: Final = 1.0
MOST_SLICES: Final = 20  # after that a seed is given up
SHORTEST_RACE_S: Final = 0.5
LONGEST_RACE_S: Final = 5.0


class _FoundIt(Exception):
    """Interrupts a worker that has told of a violation."""

    def __init__(self, found: Found) -> None:
        super().__init__()
        self.found = found


class FirstViolations(NamedTuple):
    """The first violations of a subject with some seeds.

    Attributes:
        seconds: until a violation was found and executed twice again, by seed; infinite where none was found.
        invariants: how often each was the first.
        race: of real processes, for as long as all seeds together took; for five seconds at most.
    """

    name: str
    seconds: tuple[float, ...]
    invariants: Counter[str]
    race: RaceCount


def measure_firsts(subject: Subject, seeds: int) -> FirstViolations:
    """Find the first violation of a subject with each of some seeds, then race real processes."""
    seconds, invariants = [], Counter[str]()
    for seed in range(seeds):
        with tempfile.TemporaryDirectory(prefix="stateful-bench-") as folder:
            started = time.perf_counter()
            found = _first(subject, Corpus(Path(folder)), seed)
            seconds.append(time.perf_counter() - started if found else math.inf)
        if found:
            assert found.trace.violation is not None
            invariants[found.trace.violation.invariant] += 1
    race = race_pairs(subject, min(LONGEST_RACE_S, max(SHORTEST_RACE_S, sum(seconds))))
    return FirstViolations(subject.name, tuple(seconds), invariants, race)


def _first(subject: Subject, corpus: Corpus, seed: int) -> Found | None:
    def hear(message: Message) -> None:
        if isinstance(message, Found):
            raise _FoundIt(message)

    offered, steps = examine(subject).lives, steps_of_a_start(subject)
    for number in range(MOST_SLICES):
        member = MEMBERS[number % len(MEMBERS)]
        given = Slice(member, f"{seed}-{number}", SLICE_S, NARROWEST, (), frozenset(), frozenset(), {})
        try:
            work(subject, offered, steps, corpus, given, hear)
        except _FoundIt as it:
            return it.found
    return None


def first_lines(firsts: Iterable[FirstViolations]) -> Iterator[str]:
    """A table of the figures."""
    yield "Fuzzing: seconds to the first violation, by seed; two owners of real processes, raced as long"
    yield f"  {'':<34}{'found':>5}{'median':>7}{'most':>7}  {'violated first':<33}{'owners':>8}"
    for each in firsts:
        number = len(each.seconds)
        found = f"{sum(map(math.isfinite, each.seconds))}/{number}"
        median, most = map(_in_seconds, (median_low(each.seconds), max(each.seconds)))
        first = each.invariants.most_common(1)
        invariant = first[0][0] if first else ""
        race = f"{each.race.double_owners:,}/{each.race.tries:,}"
        yield f"  {each.name:<34}{found:>5}{median:>7}{most:>7}  {invariant:<33}{race:>8}"


def _in_seconds(seconds: float) -> str:
    return f"{seconds:.2f}" if math.isfinite(seconds) else f"> {MOST_SLICES * SLICE_S:.0f}"
