"""A replayed trace as a picture: the content of a space-time diagram as plain values, row by row.

The page and the sequence diagram draw it; neither looks at the trace. A row is a step, or an event that
happens to a process or to the machine. For each column, which is a process, it holds the state of the process
before and after, so that a bar can be drawn without looking at other rows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final, NamedTuple

from stateful.explain.words import answer_text, call_text, event_text, whole_answer, world_text
from stateful.model.call import Errno
from stateful.model.faults import MACHINE_FAULTS
from stateful.model.life import plain
from stateful.model.signal_target import pid_of
from stateful.model.trace import Standing, Step, Trace
from stateful.model.usage import row
from stateful.report.disk_listing import Change, ListedFile, changed, cut, listing
from stateful.report.text import is_of_its_own, sentences, wait_text

ABSENT, LIVES, STOPPED, OWNS, HUNG = "absent", "lives", "stopped", "owns", "hung"

_STEPS: Final = re.compile(r"\b[Ss]teps? \d+(?:(?:, | and | to )\d+)*")
_STEP: Final = re.compile(r"(?:[Ss]teps? )?(\d+)")


class Column(NamedTuple):
    """A process: its letter, its pid, its life, and its subject if two subjects run in one home."""

    letter: str
    pid: int
    life: str
    subject: str


class LinePart(NamedTuple):
    """A piece of a sentence, and the step that it names, if any."""

    text: str
    step: int | None


class ReasonLine(NamedTuple):
    """A sentence under a counterexample, and the steps that it names, sorted."""

    parts: tuple[LinePart, ...]
    steps: tuple[int, ...]

    def __str__(self) -> str:
        return "".join(part.text for part in self.parts)


class Row(NamedTuple):
    """One step, or one event.

    Attributes:
        key: a unique name: the step's number, or for an event the number of the step before it with a letter,
            such as ``8b``.
        number: the step's number; None for an event.
        after_steps: the number of steps so far, this one included.
        letter: the process; empty if something happens to the machine.
        call, answer, whole: the call or event, the answer, cut if it is long, and the full answer.
        failed: whether the call failed.
        peer: the process that it signals, if any.
        about_disk: whether it is about a file on the disk.
        fault: whether it is a fault.
        after: the process that made the previous step, if it is another one.
        takes: whether the process becomes owner by it.
        above, below: the state of each column's process before and after it: one of the words above.
        changes: its changes on the disk.
        disk: the index in the picture's disks of the disk after it.
        reasons: the numbers of the reasons that name it.
        own: whether it concerns its own process alone.
    """

    key: str
    number: int | None
    after_steps: int
    letter: str
    call: str
    answer: str
    whole: str
    failed: bool
    peer: str
    about_disk: bool
    fault: bool
    after: str
    takes: bool
    above: tuple[str, ...]
    below: tuple[str, ...]
    changes: tuple[Change, ...]
    disk: int
    reasons: tuple[int, ...]
    own: bool

    def owners(self, columns: Sequence[Column]) -> list[str]:
        """The letters of the owners after this row."""
        stands = zip(columns, self.below, strict=True)
        return [column.letter for column, stand in stands if stand in (OWNS, HUNG)]


class Fold(NamedTuple):
    """Consecutive rows that concern one process alone."""

    rows: list[Row]


@dataclass(frozen=True)
class Picture:
    """The content of the diagram of a trace.

    Attributes:
        disks: the distinct listings of the disk; the first is the one before the first step.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    disks: tuple[tuple[ListedFile, ...], ...]
    reasons: tuple[ReasonLine, ...]

    def at(self, letter: str) -> int:
        """The index of a process's column from the left; 0 for the machine."""
        return next((place for place, column in enumerate(self.columns) if column.letter == letter), 0)


def draw(trace: Trace) -> Picture:
    """The picture of a trace. The trace has to come from a replay, which records the disk at each step."""
    columns = tuple(
        Column(letter, trace.pids[letter], plain(life), trace.subject_of(letter) if trace.other else "")
        for letter, life in trace.lives.items()
    )
    why = tuple(_reason(sentence) for sentence in sentences(trace))
    listings = listing(trace)
    disks = tuple(dict.fromkeys(listings))
    rows: list[Row] = []
    number, events, mover = 0, 0, ""
    owned: set[str] = set()
    begun: set[str] = set()
    for index, step in enumerate(trace.steps, 1):
        letter = step.move.letter
        number += step.move.steps
        events = 0 if step.move.steps else events + 1
        if step.move.kind in trace.lives.values() and step.call is None:
            continue  # A process is drawn from its first step on.
        before, after = trace.living[index - 1 : index + 1]
        owns = letter in after and after[letter].owns
        about = tuple(n for n, reason in enumerate(why, 1) if step.move.steps and number in reason.steps)
        changes = changed(listings[index - 1], listings[index])
        takes = owns and letter not in owned
        rows.append(
            Row(
                key=f"{number}{_suffix(events)}",
                number=number if step.move.steps else None,
                after_steps=number,
                letter="" if step.move.kind in MACHINE_FAULTS else letter,
                call=_call(step),
                answer=cut(answer_text(step)),
                whole=whole_answer(step).strip(),
                failed=isinstance(step.answer, Errno),
                peer=_peer(step, trace.pids, before),
                about_disk=_is_about_disk(step),
                fault=step.move.is_fault,
                after=mover if step.move.steps and mover not in ("", letter) else "",
                takes=takes,
                above=_stands(columns, before, begun),
                below=_stands(columns, after, begun | {letter}),
                changes=changes,
                disk=disks.index(listings[index]),
                reasons=about,
                own=is_of_its_own(step) and not (takes or about or changes or step.outcome),
            )
        )
        begun.add(letter)
        owned = (owned | {letter}) if owns else owned - {letter}
        mover = letter if step.move.steps else mover
    for letter, step in trace.waits.items():
        events += 1
        rows.append(
            Row(
                key=f"{number}{_suffix(events)}",
                number=None,
                after_steps=number,
                letter=letter,
                call=f"{_call(step)} {wait_text(step)}",
                answer="",
                whole="",
                failed=True,
                peer="",
                about_disk=False,
                fault=False,
                after="",
                takes=False,
                above=_stands(columns, trace.living[-1], begun),
                below=_stands(columns, trace.living[-1], begun),
                changes=(),
                disk=disks.index(listings[-1]),
                reasons=(),
                own=False,
            )
        )
    return Picture(columns, tuple(rows), disks, why)


def folded(rows: Iterable[Row], least: int) -> list[Row | Fold]:
    """The rows, with each run of at least ``least`` rows that concern one process alone folded into one."""
    shown: list[Row | Fold] = []
    for (_, own), group in groupby(rows, lambda row: (row.letter, row.own)):
        run = list(group)
        shown += [Fold(run)] if own and len(run) >= least else run
    return shown


def _suffix(events: int) -> str:
    return "abcdefghijklmnopqrstuvwxyz"[events - 1 : events] if events <= 26 else f"-{events}"


def _reason(sentence: str) -> ReasonLine:
    """A sentence, split at the steps that it names."""
    parts: list[LinePart] = []
    end = 0
    for steps in _STEPS.finditer(sentence):
        for step in _STEP.finditer(sentence, *steps.span()):
            parts += [LinePart(sentence[end : step.start()], None), LinePart(step[0], int(step[1]))]
            end = step.end()
    parts.append(LinePart(sentence[end:], None))
    named = {part.step for part in parts if part.step is not None}
    return ReasonLine(tuple(part for part in parts if part.text), tuple(sorted(named)))


def _stands(columns: Sequence[Column], living: Mapping[str, Standing], begun: set[str]) -> tuple[str, ...]:
    return tuple(_stand(living.get(column.letter), column.letter in begun) for column in columns)


def _stand(standing: Standing | None, begun: bool) -> str:
    if standing is None or not begun:
        return ABSENT
    if standing.owns:
        return HUNG if standing.entry.stopped else OWNS
    return STOPPED if standing.entry.stopped else LIVES


def _call(step: Step) -> str:
    if step.move.kind in MACHINE_FAULTS:
        return world_text(step.move, step.answer)
    return event_text(step) or call_text(step)


def _peer(step: Step, pids: Mapping[str, int], living: Collection[str]) -> str:
    """The process that a signal is sent to, including signal 0; else empty.

    Also empty if several processes have the pid, each in its own namespace.
    """
    if step.call is None or not row(step.call).sends_signal:
        return ""
    target = abs(pid_of(step.call, step.path) or 0)
    having = [letter for letter, pid in pids.items() if pid == target]
    return having[0] if len(having) == 1 and having[0] in living else ""


def _is_about_disk(step: Step) -> bool:
    return any(path.startswith("/") and not path.startswith("/proc/") for path, _ in step.uses())
