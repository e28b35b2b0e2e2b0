"""Writes a violation as a case: by what its processes are about to do, not by how many steps they take.

If a turn ends at a step that says little about the protocol (a look at ``/proc``, a ``close``), its end is
moved to the nearest call that changes or claims something, or to the end of a claim, provided that the
invariant is broken then too. Every case is played before it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from stateful.explain.case import ENDS, OWNS, Case, Line, Turn
from stateful.explain.case_player import Stale, play, run
from stateful.explain.meaning import CHANGES, meaning, rank
from stateful.model.faults import CALL_FAULTS
from stateful.model.lifecycle import OWNER
from stateful.model.scenario import Scenario
from stateful.model.schedule import STEP, Move, ScheduleMismatch
from stateful.model.trace import Trace
from stateful.model.usage import row
from stateful.protocol.subject import Subject
from stateful.python.guard import Watchdog
from stateful.run.execution import Execution

AHEAD: Final = 12  # how many steps ahead a better end of a turn is searched
LIMIT_TRIES: Final = 8  # for one turn


class NotTold(Exception):
    """A violation does not happen again when its turns end at calls with the same meaning."""


def tell(subject: Subject, scenario: Scenario, trace: Trace) -> Case:
    """The case of a trace that violates an invariant. Raises NotTold."""
    assert trace.violation is not None
    broken = trace.violation
    with Watchdog(), Execution(subject, scenario) as execution:
        lines = list(_exactly(execution, trace.moves))
    if not _breaks(subject, scenario, lines, broken.invariant):
        raise NotTold(f"{broken.invariant} is not violated when its steps are called by what they mean")
    for number, line in enumerate(lines[:-1]):
        if isinstance(line, Turn) and not line.rests and not _fails(line, lines[number + 1]):
            for better in _better(subject, scenario, lines[:number], line):
                candidate = [*lines[:number], better, *lines[number + 1 :]]
                if _breaks(subject, scenario, candidate, broken.invariant):
                    lines = candidate
                    break
    return Case(subject.name, trace.other, scenario.name, broken.invariant, tuple(lines), broken.sentence)


def _fails(turn: Turn, line: Line) -> bool:
    """Whether a turn ends at a call because the next line makes that call fail."""
    return isinstance(line, Move) and line.kind in CALL_FAULTS and line.letter == turn.letter


def _breaks(subject: Subject, scenario: Scenario, lines: Sequence[Line], invariant: str) -> bool:
    """Whether a case breaks its invariant, and every process rests as the case says."""
    try:
        played = play(subject, scenario, lines)
    except Stale:
        return False
    broken = played.trace.violation
    return broken is not None and broken.invariant == invariant and not played.notes


class _Point(NamedTuple):
    """A point in a process's life, and how visible it is to other processes."""

    text: str
    rank: int


def _here(execution: Execution, letter: str) -> _Point:
    """The current point of a process."""
    step = execution.upcoming(letter)
    if step is None:
        return _Point(ENDS, CHANGES)
    assert step.call is not None
    if step.phase == OWNER and row(step.call).serves:
        return _Point(OWNS, CHANGES)
    text = meaning(execution.trace, step)
    return _Point(text, rank(step, text))


def _turn(letter: str, passed: Sequence[_Point], end: _Point) -> Turn:
    """The turn that passes some points and ends at another one."""
    if end.text in (OWNS, ENDS):
        return Turn(letter, end.text)
    return Turn(letter, end.text, 1 + sum(point.text == end.text for point in passed))


def _exactly(execution: Execution, moves: Sequence[Move]) -> Iterator[Line]:
    """The lines that make exactly these moves."""
    turns = [(move, len(list(same))) for move, same in groupby(moves)]
    said = Turn("", "")  # the turn that ends at the current point, if there is one
    for number, (move, count) in enumerate(turns):
        letter, passed = move.letter, []
        if move.kind == STEP:
            for _ in range(count):
                passed.append(_here(execution, letter))
                execution.make(move)
            end = _here(execution, letter)
            if number == len(turns) - 1 and end.text != OWNS:
                end = _Point(ENDS, CHANGES)
            said = _turn(letter, passed, end)
            yield said
            continue
        for _ in range(count):
            if move.kind in CALL_FAULTS and said.letter != letter:
                yield _turn(letter, (), _here(execution, letter))
            said = Turn("", "")
            yield move
            execution.make(move)


def _better(subject: Subject, scenario: Scenario, before: Sequence[Line], turn: Turn) -> list[Turn]:
    """The turns that end at nearby points which are more visible to other processes, the nearest first."""
    with Watchdog(), Execution(subject, scenario) as execution:
        for line in before:
            if isinstance(line, Move):
                execution.make(line)
            else:
                run(execution, line)
        points: list[_Point] = []
        exact: int | None = None
        while exact is None or len(points) <= exact + AHEAD:
            points.append(_here(execution, turn.letter))
            if exact is None and _turn(turn.letter, points[:-1], points[-1]) == turn:
                exact = len(points) - 1
            try:
                execution.make(Move(STEP, turn.letter))
            except ScheduleMismatch:
                break
    if exact is None or points[exact].rank == CHANGES:
        return []
    better = [at for at in range(1, len(points)) if points[at].rank < points[exact].rank]
    better.sort(key=lambda at: (points[at].rank, abs(at - exact), -at))
    return [_turn(turn.letter, points[:at], points[at]) for at in better[:LIMIT_TRIES]]
