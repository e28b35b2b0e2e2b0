"""The trace of a supervised scenario: hours of virtual time, and every run in them.

A chronicle does not keep each step of thousands of processes. It keeps when each process began, owned and
ended, and the steps of the last one that did not own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from stateful.model.supervision import Supervision, Unit
from stateful.model.supervisor import SECOND, Decision, Run
from stateful.model.trace import Trace

STARTS, OWNS, ENDS = "starts", "owns", "ends"


class Occurrence(NamedTuple):
    """Something that happened to a run.

    Attributes:
        at: when, in microseconds from the beginning.
        number: the number of the run; runs are counted in the order of their starts.
        what: ``starts``, ``owns``, ``ends``, or the signal that the world sent to it: ``crash``, ``term``.
    """

    at: int
    number: int
    what: str


@dataclass
class Chronicle(Trace):
    """The runs of the units of one supervised scenario.

    Attributes:
        runs: every process, in the order in which they were started.
        entries: what happened, in order.
        decisions: the last decision of each unit's supervisor.
        lasted: how long it was played, in microseconds.
    """

    supervision: Supervision = field(kw_only=True)
    runs: list[Run] = field(default_factory=list)
    entries: list[Occurrence] = field(default_factory=list)
    decisions: dict[str, Decision] = field(default_factory=dict)
    lasted: int = 0

    @property
    def schedule(self) -> str:
        """Empty: the order of steps follows from the clock."""
        return ""

    @property
    def blows(self) -> list[Occurrence]:
        """The signals that the world sent to live processes."""
        return [entry for entry in self.entries if entry.what not in (STARTS, OWNS, ENDS)]

    @property
    def faults(self) -> list[str]:
        return [f"{blow.what}-{self.runs[blow.number].letter}" for blow in self.blows]

    @property
    def respawns(self) -> int:
        """How many runs a supervisor started after the first run of their unit."""
        return len(self.runs) - len({run.letter for run in self.runs})

    @property
    def owners(self) -> list[Run]:
        """The runs that own the gateway at the end."""
        return [run for run in self.runs if run.owned is not None and run.ended is None]

    @property
    def watched_from(self) -> int:
        """When the last event from outside happened, in microseconds from the beginning."""
        return round(self.supervision.last_at_s * SECOND)

    @property
    def restless(self) -> list[Run]:
        """The runs that were started in the second half of the time after ``watched_from``."""
        half = (self.watched_from + self.lasted) // 2
        return [run for run in self.runs if run.started > half]

    def unit(self, letter: str) -> Unit:
        return self.supervision.units[ord(letter) - ord("A")]


def supervisors_settle(chronicle: Chronicle) -> str | None:
    """Supervisors and the protocol come to rest, and one gateway owns, unless it was stopped as planned.

    They have come to rest if no process is started in the second half of the time.
    """
    if chronicle.restless:
        return _restless(chronicle)
    to_own, owners, stop = chronicle.supervision.owned, chronicle.owners, chronicle.watched_from
    if owners and not to_own:
        revived = owners[0].started >= stop
        name = chronicle.unit(owners[0].letter).supervisor.name
        also = f"{name} started it again" if revived else "it owns the gateway still"
        return f"{owners[0].letter} was stopped as planned, and {also}"
    owned = owners if to_own else [run for run in chronicle.runs if _owns_at(run, stop)]
    if not owned:
        name = next(unit.supervisor.name for unit in chronicle.supervision.units if unit.life != "stop")
        after = f"after {count_respawns(chronicle.respawns)}" if chronicle.respawns else "at once"
        lack = "nobody owns the gateway" if to_own else "nobody owned the gateway when it was to be stopped"
        return f"{name} gave up {after}, and {lack}"
    return None


def _restless(chronicle: Chronicle) -> str:
    since = chronicle.watched_from
    time = duration(chronicle.lasted - since)
    letters = sorted({run.letter for run in chronicle.restless})
    if any(run.owned is not None for run in chronicle.restless) and len(letters) > 1:
        replaces = sum(run.owned is not None and run.owned >= since for run in chronicle.runs)
        return f"{' and '.join(letters)} replace each other for ever: {replaces:,} replaces in {time}"
    started = [run for run in chronicle.runs if run.letter in letters and run.started >= since]
    names = dict.fromkeys(chronicle.unit(letter).supervisor.name for letter in letters)
    stays = "it does not stay" if any(run.owned is not None for run in started) else "nobody owns it"
    if chronicle.owners and stays == "nobody owns it":
        stays = f"{chronicle.owners[0].letter} owns it"
    return f"{' and '.join(names)} respawned the gateway {len(started):,} times in {time}, and {stays}"


def _owns_at(run: Run, time: int) -> bool:
    return run.owned is not None and run.owned < time and (run.ended is None or run.ended >= time)


RunInvariant = Callable[[Chronicle], str | None]

# The invariants of a whole chronicle; those of ``stateful.model.invariants`` look at one moment each.
RUN_INVARIANTS: Final[tuple[RunInvariant, ...]] = (supervisors_settle,)


def duration(microseconds: int) -> str:
    """A time in words, in the largest unit that divides it."""
    seconds = microseconds / SECOND
    for size, word in ((3600, "hour"), (60, "minute")):
        if seconds >= size and not seconds % size:
            number = round(seconds / size)
            return f"{number:,} {word}{'' if number == 1 else 's'}"
    return f"{seconds:g} seconds"


def count_respawns(number: int) -> str:
    return f"{number:,} respawn{'' if number == 1 else 's'}"
