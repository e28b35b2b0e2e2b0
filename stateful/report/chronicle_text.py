"""A chronicle as text: the events in time, one column for each unit; the calls of a start; the reasons.

Of thousands of respawns only the first and the last are shown; the others are counted.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import Final

from stateful.explain.words import answer_text, call_text
from stateful.model.call import Errno
from stateful.model.chronicle import ENDS, OWNS, STARTS, Chronicle, Occurrence, count_respawns, duration
from stateful.model.supervisor import SECOND, Run
from stateful.model.syscalls import Use
from stateful.model.trace import Step
from stateful.report.text import LIMIT_COLUMNS, count

TIME_WIDTH: Final = 11
CALL_WIDTH: Final = 34
FIRST_ROWS: Final = 8
LAST_ROWS: Final = 2
MOST_CALLS: Final = 14


def chronicle_text(chronicle: Chronicle) -> str:
    """The whole text of a chronicle: a counterexample where it violates an invariant."""
    broken = chronicle.violation
    what = f"{broken.invariant} is violated: {broken.sentence}" if broken else "no invariant is violated"
    lines = textwrap.wrap(what, LIMIT_COLUMNS, subsequent_indent="    ")
    lines += [*_summary(chronicle), "", _heads(chronicle), *_rows(chronicle), ""]
    lines += _last_start(chronicle)
    for reason in _reasons(chronicle) if broken else ():
        lines += textwrap.wrap(reason, LIMIT_COLUMNS - 6, initial_indent="  - ", subsequent_indent="    ")
    lines += [""] if broken else []
    return "\n".join([*(line.rstrip() for line in lines), f"Replay:  {command(chronicle)}"])


def command(chronicle: Chronicle) -> str:
    """The command that plays a chronicle again."""
    return f"python -m stateful verify {shlex.quote(chronicle.subject)} --scenario {chronicle.scenario}"


def _summary(chronicle: Chronicle) -> list[str]:
    faults = count(len(chronicle.faults), "fault") if chronicle.faults else "no faults"
    watched = duration(chronicle.lasted - chronicle.watched_from)
    counts = f"{count_respawns(chronicle.respawns)}, {faults}, then {watched} of virtual time"
    where = f"subject: {chronicle.subject}", f"scenario: {chronicle.title}"
    line = "   ".join(where)
    return [counts, line] if len(line) <= LIMIT_COLUMNS else [counts, *where]


# -- columns ----------------------------------------------------------------------------------------------


def _width(chronicle: Chronicle) -> int:
    return (LIMIT_COLUMNS - TIME_WIDTH - 3) // len(chronicle.supervision.units)


def _heads(chronicle: Chronicle) -> str:
    width = _width(chronicle)
    heads = []
    for letter, unit in zip("ABCDEFGH", chronicle.supervision.units, strict=False):
        head = f"{letter} {unit.life} ({unit.supervisor.name}: {unit.supervisor.settings})"
        heads.append(head if len(head) < width else f"{letter} {unit.life} ({unit.supervisor.name})")
    return " " * (TIME_WIDTH + 3) + "".join(head.ljust(width) for head in heads)


def _rows(chronicle: Chronicle) -> list[str]:
    # The entries of one process at one time share a row; a signal from outside has a row of its own.
    rows = [
        _row(chronicle, list(group))
        for _, group in groupby(_shown(chronicle), lambda entry: (entry.at, entry.number, _is_blow(entry)))
    ]
    if len(rows) <= FIRST_ROWS + LAST_ROWS + 1:
        return rows
    left_out = f"{len(rows) - FIRST_ROWS - LAST_ROWS:,} rows left out"
    return [*rows[:FIRST_ROWS], f"{'...':>{TIME_WIDTH}}   {left_out}", *rows[-LAST_ROWS:]]


def _shown(chronicle: Chronicle) -> list[Occurrence]:
    """The entries that are shown; the end of a killed process is not, since its kill is."""
    killed = {blow.number for blow in chronicle.blows if blow.what == "crash"}
    return [entry for entry in chronicle.entries if entry.what != ENDS or entry.number not in killed]


def _is_blow(entry: Occurrence) -> bool:
    return entry.what not in (STARTS, OWNS, ENDS)


def _row(chronicle: Chronicle, entries: Sequence[Occurrence]) -> str:
    run = chronicle.runs[entries[0].number]
    if _is_blow(entries[0]):
        sent = {"crash": "killed (SIGKILL)", "term": "SIGTERM"}[entries[0].what]
        text = f"-- pid {run.pid}: {sent} --"
    else:
        words = {STARTS: "starts", OWNS: "OWNS", ENDS: _end(run)}
        text = f"pid {run.pid} {', '.join(words[entry.what] for entry in entries)}"
    indent = " " * (_width(chronicle) * (ord(run.letter) - ord("A")))
    return f"{clock(entries[0].at):>{TIME_WIDTH}}   {indent}{text}"


def _end(run: Run) -> str:
    return f"is ended by {run.signal}" if run.signal else f"exits {run.status}"


def clock(microseconds: int) -> str:
    """A time of the chronicle, such as ``12:00:45`` or ``0:00:01.1``."""
    seconds, rest = divmod(microseconds, SECOND)
    fraction = f"{rest / SECOND:.3f}"[1:].rstrip("0") if rest else ""
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"


# -- what a start does ------------------------------------------------------------------------------------


def _last_start(chronicle: Chronicle) -> list[str]:
    """The calls of the last start, if it failed to own and there is no owner."""
    if not _is_in_vain(chronicle):
        return []
    numbered = list(enumerate(chronicle.steps, 1))
    if len(numbered) > MOST_CALLS:
        numbered = [(number, step) for number, step in numbered if not _is_about_itself(step)]
    rows = [
        f"{number:>{TIME_WIDTH}}   {call_text(step):<{CALL_WIDTH}} {answer_text(step)}"[:LIMIT_COLUMNS]
        for number, step in numbered[-MOST_CALLS:]
    ]
    (letter, pid), *_ = chronicle.pids.items()
    return [f"{'step':>{TIME_WIDTH}}   what {letter} does when it starts, pid {pid}", *rows, ""]


def _is_in_vain(chronicle: Chronicle) -> bool:
    """Whether there should be an owner, there is none, and the last process that was started never owned."""
    last = chronicle.runs[-1]
    return bool(
        chronicle.supervision.owned and chronicle.steps and not chronicle.owners and last.owned is None
    )


def _is_about_itself(step: Step) -> bool:
    return any(use & Use.RELEASES or path.startswith("/proc/") for path, use in step.uses())


# -- reasons ----------------------------------------------------------------------------------------------


def _reasons(chronicle: Chronicle) -> Iterator[str]:
    for blow in chronicle.blows:
        yield _met(chronicle, blow)
    if _is_in_vain(chronicle):
        failed = [
            (number, step) for number, step in enumerate(chronicle.steps, 1) if isinstance(step.answer, Errno)
        ]
        gave_up = "ended without owning"
        if failed:
            number, step = failed[-1]
            gave_up += f", after step {number}, {call_text(step)}, failed with {answer_text(step)}"
        starts = "each start" if chronicle.respawns > 1 else "the start"
        yield f"However, {starts} after that met the same disk and {gave_up}."
    elif replaced := _replaced(chronicle):
        yield from replaced
    for letter, decision in chronicle.decisions.items():
        name = chronicle.unit(letter).supervisor.name
        if decision.delay is not None:
            yield f"{name} goes on with {letter}: {decision.reason}."
        elif name != "nobody":
            yield f"{name} starts {letter} no more: {decision.reason}."


def _met(chronicle: Chronicle, blow: Occurrence) -> str:
    run = chronicle.runs[blow.number]
    while_ = "while it owned the gateway" if run.owned is not None else "before it owned the gateway"
    if blow.what == "crash":
        return (
            f"{run.letter} (pid {run.pid}) was killed at {clock(blow.at)}, {while_}; nothing of it ran after "
            "that."
        )
    ended = f"ended with {run.ending}" if run.ended is not None else "went on"
    return (
        f"{run.letter} (pid {run.pid}) was sent SIGTERM at {clock(blow.at)}, which nobody announced, "
        f"{while_}, and {ended}."
    )


def _replaced(chronicle: Chronicle) -> list[str]:
    """Why two units keep replacing each other."""
    owned = [run for run in chronicle.runs if run.owned is not None]
    pairs = [(one, other) for one, other in pairwise(owned) if one.letter != other.letter]
    if not pairs:
        return []
    victim, other = pairs[0]
    supervisor = chronicle.unit(victim.letter).supervisor
    told = (
        f"{victim.letter} (pid {victim.pid}) was replaced at {clock(other.owned or 0)} by {other.letter} "
        f"(pid {other.pid}) and ended with {victim.ending}, after which {supervisor.name} started it again."
    )
    if supervisor.after([victim._replace(status=0, signal="")]).delay is None:
        return [told, "With exit status 0 it would have been let be, and the two would have settled."]
    return [
        told,
        f"{supervisor.settings.partition(',')[0]} restarts even exit status 0: no protocol settles.",
    ]
