"""The tally: the figures of a campaign, added up from its workers' messages.

States are counted in a bitmap of fixed size, so that memory does not grow with their number. Two states that
fall on one bit count as one; with ten million states, 7 % are lost in this manner.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from stateful.campaign.corpus import Kept
from stateful.campaign.lines import Line
from stateful.campaign.messages import Found, Message, Progress, Revisited
from stateful.explain.minimise import Weight, weigh
from stateful.sample.draft import NARROWEST, WIDEST

MAP_BITS: Final = 1 << 26
MOST_INPUTS: Final = 200  # kept schedules that are mutated: the newest
SLICES_WITHOUT_NEWS: Final = 3  # after which drafts are drawn wider


class StateMap:
    """A set of states that can only be added to and counted, in MAP_BITS bits."""

    def __init__(self) -> None:
        self._bits = bytearray(MAP_BITS // 8)
        self.count = 0

    def add(self, states: bytes) -> int:
        """Add some states; return how many were new."""
        before = self.count
        for state in array("Q", states):
            index, bit = (state % MAP_BITS) >> 3, 1 << (state & 7)
            if not self._bits[index] & bit:
                self._bits[index] |= bit
                self.count += 1
        return self.count - before


@dataclass
class Violated:
    """A violated invariant: its smallest counterexample so far, and how often it was violated."""

    found: Found
    times: int = 0

    @property
    def weight(self) -> Weight:
        return weigh(self.found.trace.moves)


@dataclass
class Tally:
    """The figures of a campaign.

    Attributes:
        planned_s, seconds: how long the campaign is to take, and has taken.
        offered: the lives that the subject offers.
        runs: how many executions, machines included, by member.
        rechecked: the cases that were played again: the file's name, the verdict, the reason.
        history: moments of the campaign: the seconds, steps and states until then.
        sampled: see ``messages.Progress``.
    """

    subject: str
    workers: int
    planned_s: float = 0.0
    seconds: float = 0.0
    offered: tuple[str, ...] = ()
    runs: Counter[str] = field(default_factory=Counter)
    steps: int = 0
    states: StateMap = field(default_factory=StateMap)
    last_new_state_s: float | None = None
    orderings: set[str] = field(default_factory=set)
    goals: set[str] = field(default_factory=set)
    faults: Counter[str] = field(default_factory=Counter)
    lines: set[Line] = field(default_factory=set)
    all_lines: set[Line] = field(default_factory=set)
    sampled: dict[int, tuple[int, float]] = field(default_factory=dict)
    violated: dict[str, Violated] = field(default_factory=dict)
    known: dict[str, Weight] = field(default_factory=dict)
    rechecked: list[tuple[str, str, str]] = field(default_factory=list)
    inputs: list[Kept] = field(default_factory=list)
    revisited: Revisited | None = None
    lost: list[str] = field(default_factory=list)
    history: list[tuple[float, int, int]] = field(default_factory=list)
    width: int = NARROWEST
    interrupted: bool = False
    trouble: str = ""
    _slices_without_news: int = 0

    def hear(self, message: Message) -> None:
        """Add a message of a worker."""
        if isinstance(message, Progress):
            self._add(message)
        elif isinstance(message, Found):
            self._found(message)
        elif isinstance(message, Kept):
            self.inputs = [*self.inputs, message][-MOST_INPUTS:]
        else:
            self.revisited = message
            self.inputs = [*message.kept, *self.inputs][-MOST_INPUTS:]

    def widen_where_nothing_is_new(self, orderings_before: int) -> None:
        """Draw wider drafts once some slices in a row have reached no new ordering."""
        self._slices_without_news += 1
        if len(self.orderings) > orderings_before:
            self._slices_without_news = 0
        elif self._slices_without_news >= SLICES_WITHOUT_NEWS and self.width < WIDEST:
            self.width += 1
            self._slices_without_news = 0

    def smallest(self) -> dict[str, Weight]:
        """The weight of the smallest counterexample of each violated invariant."""
        return self.known | {invariant: each.weight for invariant, each in self.violated.items()}

    def _add(self, progress: Progress) -> None:
        self.runs[progress.member] += progress.runs
        self.steps += progress.steps
        if self.states.add(progress.states):
            self.last_new_state_s = self.seconds
        self.orderings |= progress.orderings
        self.goals |= progress.goals
        self.faults.update(progress.faults)
        self.lines |= progress.lines
        self.all_lines |= progress.all_lines
        for depth, (runs, missed) in progress.sampled.items():
            before = self.sampled.get(depth, (0, 0.0))
            self.sampled[depth] = (before[0] + runs, before[1] + missed)
        for invariant, times in progress.violations.items():
            if invariant in self.violated:
                self.violated[invariant].times += times

    def _found(self, found: Found) -> None:
        assert found.trace.violation is not None
        invariant = found.trace.violation.invariant
        known = self.violated.get(invariant)
        if known is None:
            self.violated[invariant] = Violated(found)
        elif (not found.minimal, weigh(found.trace.moves)) < (not known.found.minimal, known.weight):
            known.found = found

    def note_moment(self) -> None:
        """Add the current moment to the history, which is thinned out when it grows long."""
        self.history.append((self.seconds, self.steps, self.states.count))
        if len(self.history) > 200:
            del self.history[1:-1:2]

    def rate(self, first: float, last: float) -> float:
        """Steps per second between two fractions of the campaign's time."""
        moments = [each for each in self.history if first * self.seconds <= each[0] <= last * self.seconds]
        if len(moments) < 2 or moments[-1][0] <= moments[0][0]:
            return self.steps / self.seconds if self.seconds else 0.0
        return (moments[-1][1] - moments[0][1]) / (moments[-1][0] - moments[0][0])
