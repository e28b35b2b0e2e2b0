"""Makes a violating schedule smaller: fewest faults and steps, then fewest switches.

Every candidate is executed; it is taken if it breaks the same invariant. What comes from the exhaustive
search is a shortest schedule already, up to steps that it lets a process make at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from stateful.execution import Execution
from stateful.kernel.guard import Watchdog
from stateful.scenario import SCENARIOS, Scenario
from stateful.schedule import LIVES, STEP, Move, ScheduleMismatch, count_switches
from stateful.subject import Subject
from stateful.trace import Trace

Turns = list[list[Move]]


def minimise(subject: Subject, scenario: Scenario, moves: Sequence[Move], invariant: str) -> list[Move]:
    """A schedule that breaks the same invariant and from which nothing more can be taken."""
    best = list(moves)
    with Watchdog():
        improved = True
        while improved:
            improved = False
            for candidate in [*_shorter(best), *_calmer(best)]:
                found = breaks(subject, scenario, candidate, invariant)
                if found is not None and _weight(found) < _weight(best):
                    best = found
                    improved = True
                    break
    return best


def breaks(
    subject: Subject, scenario: Scenario, moves: Sequence[Move], invariant: str
) -> list[Move] | None:
    """The part of a schedule up to where it breaks an invariant, or None where it does not."""
    with Execution(subject, scenario) as execution:
        try:
            for number, move in enumerate(moves, 1):
                execution.make(move)
                if execution.violation is not None:
                    found = execution.violation.invariant == invariant
                    return list(moves[:number]) if found else None
        except ScheduleMismatch:
            return None
    return None


def _weight(moves: Sequence[Move]) -> tuple[int, int, int]:
    events = sum(move.kind != STEP for move in moves)
    return (events, len(moves), count_switches(moves))


def _turns(moves: Sequence[Move]) -> Turns:
    return [list(run) for _, run in groupby(moves)]


def _flat(turns: Turns) -> list[Move]:
    return [move for turn in turns for move in turn]


def _shorter(moves: Sequence[Move]) -> Iterator[list[Move]]:
    """Without everything of one process, one turn or event, or the end of a turn."""
    for letter in sorted({move.letter for move in moves}):
        yield [move for move in moves if move.letter != letter]
    turns = _turns(moves)
    for index, turn in enumerate(turns):
        rest = turns[:index], turns[index + 1 :]
        yield _flat([*rest[0], *rest[1]])
        size = len(turn) // 2
        while size:
            yield _flat([*rest[0], turn[:-size], *rest[1]])
            size //= 2


def _calmer(moves: Sequence[Move]) -> Iterator[list[Move]]:
    """With two turns exchanged, or the end of one put off until its process goes on."""
    turns = _turns(moves)
    for index in range(len(turns) - 1):
        yield _flat([*turns[:index], turns[index + 1], turns[index], *turns[index + 2 :]])
        for size in range(1, len(turns[index])):
            kept, moved = turns[index][:-size], turns[index][-size:]
            yield _flat([*turns[:index], kept, turns[index + 1], moved, *turns[index + 2 :]])


def name_scenario(
    subject: Subject, scenario: Scenario, trace: Trace
) -> tuple[Scenario, list[Move]] | None:
    """The standard scenario on which an open-ended trace breaks its invariant too, and the schedule.

    A process that the standard scenario has from the beginning needs no move to start it.
    """
    if trace.violation is None:
        return None
    lives = list(trace.lives.values())
    for standard in SCENARIOS:
        count = len(standard.cast.lives)
        fits = standard.disk == scenario.disk and not standard.kills and not standard.cast.settled
        if not fits or list(standard.cast.lives) != lives[:count]:
            continue
        native = list(trace.lives)[:count]
        moves = [
            move for move in trace.moves if not (move.kind in LIVES and move.letter in native)
        ]
        found = breaks(subject, standard, moves, trace.violation.invariant)
        if found is not None:
            return standard, found
    return None
