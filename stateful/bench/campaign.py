"""How soon a campaign finds the first violation of a subject, beside real processes raced for as long.

One worker in this process, which goes through the portfolio as a campaign does, from a corpus that is empty.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from itertools import count
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from stateful.bench.race import Tally, race_pairs
from stateful.campaign.campaign import steps_of_a_start
from stateful.campaign.corpus import Corpus
from stateful.campaign.messages import Found, Message, Slice
from stateful.campaign.portfolio import MEMBERS
from stateful.campaign.session import work
from stateful.deciders.draft import NARROWEST
from stateful.examine import examine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stateful.subject import Subject

SLICE_S: Final = 1.0
SHORTEST_RACE_S: Final = 0.5


class _FoundIt(Exception):
    """What a worker is interrupted with once it tells of a violation."""

    def __init__(self, found: Found) -> None:
        super().__init__()
        self.found = found


class Firsts(NamedTuple):
    """The first violations of a subject with some seeds.

    Attributes:
        seconds: how long each took to be found, and to be executed twice again.
        invariants: how often each was the first.
        race: real processes that were raced for as long, all seeds together.
    """

    name: str
    seconds: tuple[float, ...]
    invariants: Counter[str]
    race: Tally


def measure_firsts(subject: Subject, seeds: int) -> Firsts:
    """Find the first violation of a subject that has some, with each of some seeds; then race."""
    seconds, invariants = [], Counter[str]()
    for seed in range(seeds):
        with tempfile.TemporaryDirectory(prefix="stateful-bench-") as folder:
            started = time.perf_counter()
            found = _first(subject, Corpus(Path(folder)), seed)
            seconds.append(time.perf_counter() - started)
        assert found.trace.violation is not None
        invariants[found.trace.violation.invariant] += 1
    race = race_pairs(subject, max(SHORTEST_RACE_S, sum(seconds)))
    return Firsts(subject.name, tuple(seconds), invariants, race)


def _first(subject: Subject, corpus: Corpus, seed: int) -> Found:
    def hear(message: Message) -> None:
        if isinstance(message, Found):
            raise _FoundIt(message)

    offered, steps = examine(subject).lives, steps_of_a_start(subject)
    for number in count():
        member = MEMBERS[number % len(MEMBERS)]
        given = Slice(member, f"{seed}-{number}", SLICE_S, NARROWEST, (), frozenset(), frozenset(), {})
        try:
            work(subject, offered, steps, corpus, given, hear)
        except _FoundIt as it:
            return it.found
    raise AssertionError


def first_lines(firsts: Sequence[Firsts]) -> list[str]:
    """The figures in words."""
    lines = ["Fuzzing: seconds to the first violation, and real processes raced for as long"]
    for each in firsts:
        invariant, times = each.invariants.most_common(1)[0]
        lines.append(
            f"  {each.name:<15} median {median(each.seconds):.2f} of {len(each.seconds)} seeds, at most "
            f"{max(each.seconds):.2f}; real: two owners in {each.race.double_owners:,} of {each.race.tries:,}"
        )
        lines.append(f"  {'':<15} {times} times {invariant}")
    return lines
