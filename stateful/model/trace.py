"""What happened in one execution, step by step: everything that a report shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from stateful.model.call import Call
from stateful.model.disk import Disk
from stateful.model.life import runs_other
from stateful.model.lifecycle import Entry, Outcome
from stateful.model.schedule import Move, count_switches, format_schedule
from stateful.model.syscalls import Kind, Use
from stateful.model.usage import uses

if TYPE_CHECKING:
    from stateful.model.confirmation import Confirmation


class Step(NamedTuple):
    """One move and its result.

    Attributes:
        move: the step or event.
        call: the call that was made, or None for an event and for a wait that a signal ended.
        path: the virtual path of the call's descriptor, or None.
        answer: the answer of the kernel.
        phase: the phase of the process afterwards; empty if the move is of no process.
        outcome: how the process ended, if it ended with this move.
    """

    move: Move
    call: Call | None
    path: str | None
    answer: Any
    phase: str
    outcome: Outcome | None

    def uses(self) -> Iterator[tuple[str, Use]]:
        """The files that its call names, by path, and what it does to them.

        Of several descriptors only the path of the first is known.
        """
        for at, (kind, value, use) in enumerate(uses(self.call) if self.call else ()):
            path = value if kind is Kind.PATH else None if at else self.path
            if path is not None:
                yield path, use


class Standing(NamedTuple):
    """The state of a live process at one moment, as reports show it.

    Attributes:
        entry: its entry in the process table.
        locks: the serials of the files that it has locked.
    """

    owns: bool
    entry: Entry
    locks: tuple[int, ...]


class Ordering(NamedTuple):
    """Two steps that the failure needs in this order, and a schedule that passes the other way round."""

    first: int
    then: int
    passing: str


class NeededFault(NamedTuple):
    """A fault that the failure needs, and a schedule that passes without it.

    Attributes:
        after: the step that a kill has to come after, and a schedule that passes because it comes earlier.
        before: the call that a kill has to come before, likewise.
    """

    fault: str
    passing: str
    after: tuple[int, str] | None = None
    before: tuple[Step, str] | None = None


Need = Ordering | NeededFault


class Violation(NamedTuple):
    """An invariant that a trace breaks, and the sentence that says how."""

    invariant: str
    sentence: str


@dataclass
class Trace:
    """One execution: its processes, its steps and the violation that ended it, if any.

    Attributes:
        other: the name of the subject that runs beside the first one in the same home, or None.
        apart: what it breaks that is told apart, as a signal inside a claim may do, and is no violation.
        waits: the call in which each process waits for ever, if that is the violation; of one that polls its
            next call, with its loop in words instead of an answer.
        needs: what the failure needs, if that was determined.
        disks: the disk before the first step and after each step, if the trace was replayed.
        living: the live processes at these moments.
        confirmation: the result of playing it with real processes, if that was requested.
    """

    subject: str
    scenario: str
    title: str
    other: str | None = None
    lives: dict[str, str] = field(default_factory=dict)
    pids: dict[str, int] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    violation: Violation | None = None
    apart: Violation | None = None
    waits: dict[str, Step] = field(default_factory=dict)
    needs: list[Need] = field(default_factory=list)
    disks: list[Disk] = field(default_factory=list)
    living: list[dict[str, Standing]] = field(default_factory=list)
    confirmation: Confirmation | None = None

    @property
    def schedule(self) -> str:
        return format_schedule(step.move for step in self.steps)

    def subject_of(self, letter: str) -> str:
        """The name of the subject that a process runs."""
        return self.other if self.other and runs_other(self.lives[letter]) else self.subject

    @property
    def moves(self) -> list[Move]:
        return [step.move for step in self.steps]

    @property
    def switches(self) -> int:
        return count_switches(self.moves)

    @property
    def length(self) -> int:
        """The number of steps; events are not counted."""
        return sum(move.steps for move in self.moves)

    @property
    def faults(self) -> list[str]:
        return [str(move) for move in self.moves if move.is_fault]
