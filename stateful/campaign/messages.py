"""The messages between a campaign and its workers."""

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
        member: which scheduler of ``sample/scheduler.py`` runs; or REVISIT or MINIMISE, for the schedules in
            ``inputs``.
        seed: the seed of everything that is drawn.
        width: how wide drafts are drawn.
        inputs: schedules that were the first to reach something.
        orderings, goals: what has been reached so far.
        smallest: the weight of the smallest counterexample of each invariant; larger ones are only counted.
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
    """What a worker has done since its last report.

    Attributes:
        runs: how many executions, machines included.
        states: the states that were new in its slice: see ``coverage``.
        sampled: by depth, for the runs to which PCT's bound applies: how many there were, and the natural
            logarithm of the probability that all of them miss a bug of that depth.
        lines, all_lines: the subject's lines that have run, and all its lines; each only if not reported yet.
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
        minimal: whether the trace has been minimised, or is as it was found.
        where: the name of its file in the corpus.
    """

    trace: Trace
    minimal: bool
    where: str


class Revisited(NamedTuple):
    """The result of revisiting kept schedules: those that reach something new, and how many do not."""

    kept: tuple[Kept, ...]
    dropped: int


Message = Progress | Found | Revisited | Kept
