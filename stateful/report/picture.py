"""A replayed trace as a picture: what a space-time diagram shows of it, as plain values, row by row.

The page and the sequence diagram draw it; neither looks at the trace. A row is a step, or something that
happens to a process or to the machine. Of each lane it says how the process stands above and below it, so
that bars need nothing from other rows.
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
from stateful.report.text import is_of_its_own, sentences

ABSENT, LIVES, STOPPED, OWNS, HUNG = "absent", "lives", "stopped", "owns", "hung"

_STEPS: Final = re.compile(r"\b[Ss]teps? \d+(?:(?:, | and | to )\d+)*")
_STEP: Final = re.compile(r"(?:[Ss]teps? )?(\d+)")


class Lane(NamedTuple):
    """A process: its letter, its pid, what it is there for, and its subject where two run in one home."""

    letter: str
    pid: int
    life: str
    subject: str


class LinePart(NamedTuple):
    """A piece of a sentence, and the step that it names, if it names one."""

    text: str
    step: int | None


class ReasonLine(NamedTuple):
    """A sentence under a counterexample, and the steps that it names, in their order."""

    parts: tuple[LinePart, ...]
    steps: tuple[int, ...]

    def __str__(self) -> str:
        return "".join(part.text for part in self.parts)


class Row(NamedTuple):
    """One step, or one event.

    Attributes:
        key: what it is called, uniquely: the number of its step, or that with a letter, such as ``8b``, where
            it is an event after that step.
        number: that of its step; None for an event.
        after_steps: how many steps there were until then.
        letter: the process; empty where something happens to the machine.
        call, answer, whole: the call or event, what was answered, cut where it is long, and all of it.
        failed: whether the call failed.
        peer: the process that it is about, where it signals one.
        about_disk: whether it is about a file of the disk.
        fault: whether the world did it.
        after: the process that had moved before, where it is another one.
        takes: whether the process becomes owner with it.
        above, below: how the process of each lane stands before it and after it: one of the words above.
        changes: what it changed on the disk.
        disk: which of the picture's disks there is after it.
        reasons: the numbers of the reasons that name it.
        own: whether it concerns nobody but its own process.
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

    def owners(self, lanes: Sequence[Lane]) -> list[str]:
        """Who owns after it."""
        stands = zip(lanes, self.below, strict=True)
        return [lane.letter for lane, stand in stands if stand in (OWNS, HUNG)]


class Fold(NamedTuple):
    """Rows in succession that concern nobody but their own process."""

    rows: list[Row]


@dataclass(frozen=True)
class Picture:
    """All that is drawn of a trace.

    Attributes:
        disks: what stood on the disk, each state once; the first is that before the first step.
    """

    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...]
    disks: tuple[tuple[ListedFile, ...], ...]
    reasons: tuple[ReasonLine, ...]

    def at(self, letter: str) -> int:
        """The place of a lane from the left; 0 for the machine."""
        return next((place for place, lane in enumerate(self.lanes) if lane.letter == letter), 0)


def draw(trace: Trace) -> Picture:
    """The picture of a trace, which has to come from a replay: only that knows the disk at each step."""
    lanes = tuple(
        Lane(letter, trace.pids[letter], plain(life), trace.subject_of(letter) if trace.other else "")
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
            continue  # It is there from its first step on.
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
                above=_stands(lanes, before, begun),
                below=_stands(lanes, after, begun | {letter}),
                changes=changes,
                disk=disks.index(listings[index]),
                reasons=about,
                own=is_of_its_own(step) and not (takes or about or changes or step.outcome),
            )
        )
        begun.add(letter)
        owned = (owned | {letter}) if owns else owned - {letter}
        mover = letter if step.move.steps else mover
    return Picture(lanes, tuple(rows), disks, why)


def folded(rows: Iterable[Row], least: int) -> list[Row | Fold]:
    """The rows, with at least so many in succession that concern one process alone made one."""
    shown: list[Row | Fold] = []
    for (_, own), group in groupby(rows, lambda row: (row.letter, row.own)):
        run = list(group)
        shown += [Fold(run)] if own and len(run) >= least else run
    return shown


def _suffix(events: int) -> str:
    return "abcdefghijklmnopqrstuvwxyz"[events - 1 : events] if events <= 26 else f"-{events}"


def _reason(sentence: str) -> ReasonLine:
    """A sentence, cut where it names a step."""
    parts: list[LinePart] = []
    end = 0
    for steps in _STEPS.finditer(sentence):
        for step in _STEP.finditer(sentence, *steps.span()):
            parts += [LinePart(sentence[end : step.start()], None), LinePart(step[0], int(step[1]))]
            end = step.end()
    parts.append(LinePart(sentence[end:], None))
    named = {part.step for part in parts if part.step is not None}
    return ReasonLine(tuple(part for part in parts if part.text), tuple(sorted(named)))


def _stands(lanes: Sequence[Lane], living: Mapping[str, Standing], begun: set[str]) -> tuple[str, ...]:
    return tuple(_stand(living.get(lane.letter), lane.letter in begun) for lane in lanes)


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
    """The process that a signal is sent to, be it only to see whether it is there.

    Where several have the pid, each in a namespace of its own, nobody is told.
    """
    if step.call is None or not row(step.call).sends_signal:
        return ""
    target = abs(pid_of(step.call, step.path) or 0)
    having = [letter for letter, pid in pids.items() if pid == target]
    return having[0] if len(having) == 1 and having[0] in living else ""


def _is_about_disk(step: Step) -> bool:
    return any(path.startswith("/") and not path.startswith("/proc/") for path, _ in step.uses())
