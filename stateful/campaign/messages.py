"""What a campaign and its workers tell each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from stateful.campaign.corpus import Kept
from stateful.campaign.lines import Line
from stateful.explain.minimise import Weight
from stateful.model.trace import Trace


class Slice(NamedTuple):
    """The job of a worker for some seconds.

    Attributes:
        member: who chooses: see ``sample/scheduler.py``; or REVISIT, MINIMISE of the schedules in ``inputs``.
        seed: what all is drawn from.
        width: how wide drafts are drawn.
        inputs: schedules that reached something first.
        orderings, goals: what has been reached.
        smallest: how large the smallest counterexample of each invariant is; larger ones are only counted.
    """

    member: str
    seed: str
    seconds: float
    width: int
    inputs: tuple[Kept, ...]
    orderings: frozenset[str]
    goals: frozenset[str]
    smallest: dict[str, Weight]


REVISIT, MINIMISE = "revisit", "minimise"


@dataclass
class Progress:
    """What a worker has done since it said so last.

    Attributes:
        runs: how many executions, machines among them.
        states: those that were new in its slice: see ``coverage``.
        sampled: by depth, what PCT's bound says of the runs that it holds for: how many there were, and the
            natural logarithm of the probability that all of them miss a bug of that depth.
        lines, all_lines: those of the subject that have run, and all; new ones only.
    """

    member: str
    runs: int = 0
    steps: int = 0
    states: bytes = b""
    orderings: frozenset[str] = frozenset()
    goals: frozenset[str] = frozenset()
    faults: dict[str, int] = field(default_factory=dict)
    violations: dict[str, int] = field(default_factory=dict)
    sampled: dict[int, tuple[int, float]] = field(default_factory=dict)
    lines: frozenset[Line] = frozenset()
    all_lines: frozenset[Line] = frozenset()


class Found(NamedTuple):
    """A violation.

    Attributes:
        minimal: whether the trace is the smallest that could be made of it, or the one that was found.
        where: the name of the file in the corpus that keeps it.
    """

    trace: Trace
    minimal: bool
    where: str


class Revisited(NamedTuple):
    """What has become of schedules of the corpus: how many still reach something that others do not."""

    kept: tuple[Kept, ...]
    dropped: int


Message = Progress | Found | Revisited | Kept
