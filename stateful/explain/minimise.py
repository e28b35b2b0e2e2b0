"""Makes a violating schedule smaller: fewest processes, then faults, then steps, then switches.

Every candidate is executed; it is accepted if it breaks the same invariant. A schedule from the exhaustive
search is a shortest one already, except for invisible steps that the search makes at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, permutations, product
from typing import Final

from stateful.model.faults import ASK_TO_GO
from stateful.model.scenario import Scenario
from stateful.model.schedule import LETTERS, LIVES, STEP, Move, ScheduleMismatch, count_switches
from stateful.model.standard import SCENARIOS
from stateful.model.trace import Trace
from stateful.protocol.subject import Subject
from stateful.python.guard import Watchdog
from stateful.run.execution import Execution
from stateful.run.replay import replay

LONGEST_STRETCH: Final = 60
FEW_PROCESSES: Final = 4
LIMIT_MOVES: Final = 100_000  # then the smallest schedule so far is kept; a few seconds

Turns = list[list[Move]]


def minimise(
    subject: Subject,
    scenario: Scenario,
    moves: Sequence[Move],
    invariant: str,
    limit_moves: int = LIMIT_MOVES,
) -> list[Move]:
    """The smallest schedule found that breaks the same invariant; tries at most ``limit_moves`` moves."""
    best = list(moves)
    made = 0
    tried: set[tuple[Move, ...]] = set()
    with Watchdog():
        improved = True
        while improved:
            improved = False
            for candidate in _candidates(best):
                key = tuple(candidate)
                if key in tried:
                    continue
                tried.add(key)
                made += len(candidate)
                if made > limit_moves:
                    improved = False
                    break
                found = breaks(subject, scenario, candidate, invariant, weigh(best))
                if found is not None:
                    best = found
                    improved = True
                    break
        renamed = _in_order_of_first_turn(best, scenario.cast.lives)
        return best if breaks(subject, scenario, renamed, invariant) is None else renamed


def smallest(
    subject: Subject, scenario: Scenario, trace: Trace, limit_moves: int = LIMIT_MOVES
) -> tuple[Scenario, Trace]:
    """The smallest trace that breaks the same invariant, and its scenario."""
    assert trace.violation is not None
    invariant = trace.violation.invariant
    moves = minimise(subject, scenario, trace.moves, invariant, limit_moves)
    small = replay(subject, scenario, moves)
    named = name_scenario(subject, scenario, small)
    if named is None:
        return scenario, small
    scenario, moves = named
    return scenario, replay(subject, scenario, minimise(subject, scenario, moves, invariant, limit_moves))


def vary(subject: Subject, scenario: Scenario, moves: Sequence[Move], invariant: str) -> list[Move] | None:
    """The schedule, slightly reordered so that this invariant is broken first; None if none is found."""
    for candidate in _elsewhere(moves):
        found = breaks(subject, scenario, candidate, invariant)
        if found is not None:
            return found
    return None


def breaks(
    subject: Subject,
    scenario: Scenario,
    moves: Sequence[Move],
    invariant: str,
    below: Weight | None = None,
) -> list[Move] | None:
    """The possible moves of a schedule, up to the violation of an invariant; None if there is none.

    Args:
        below: what they must weigh less than, if they must.
    """
    trace = attempt(subject, scenario, moves, below)
    if trace.violation is None or trace.violation.invariant != invariant:
        return None
    return trace.moves if below is None or weigh(trace.moves) < below else None


def attempt(
    subject: Subject, scenario: Scenario, moves: Sequence[Move], below: Weight | None = None
) -> Trace:
    """The trace of the possible moves of a schedule, up to the first violation, or to a weight."""
    with Execution(subject, scenario) as execution:
        for move in moves:
            if below is not None and weigh(execution.trace.moves) >= below:
                break  # Each move that follows makes it heavier.
            if not execution.possible(move):
                continue
            try:
                execution.make(move)
            except ScheduleMismatch:
                continue  # The process waits for a lock, which only trying shows.
            if execution.violation is not None:
                break
        return execution.trace


def _candidates(moves: Sequence[Move]) -> Iterator[list[Move]]:
    """Smaller candidates first, so that the many positions of a turn are tried on short schedules."""
    for shorter in _shorter(moves):
        yield shorter
        yield to_the_end(shorter)
    if len(_letters(moves)) <= FEW_PROCESSES:
        yield from _with_a_longer_turn(moves)
        yield from _plain_races(moves)
        for moved in _elsewhere(moves):
            yield to_the_end(moved)


def _plain_races(moves: Sequence[Move]) -> Iterator[list[Move]]:
    """Races of two out of three or more processes: one is held while the other runs to its end."""
    letters = _letters(moves)
    starts = {move.letter: [move] for move in moves if move.kind in LIVES}
    if len(letters) < 3:
        return
    for one, other in permutations(letters, 2):
        start = [*starts.get(one, []), *starts.get(other, [])]
        to_the_end = [Move(STEP, letter) for letter in (other, one) for _ in range(LONGEST_STRETCH)]
        for held_up in range(1, LONGEST_STRETCH // 2):
            yield _renamed([*start, *[Move(STEP, one)] * held_up, *to_the_end])


def to_the_end(moves: list[Move]) -> list[Move]:
    """The moves, after which every process runs on, in the order of their last turns."""
    letters = reversed(_letters(list(reversed(moves))))
    return moves + [Move(STEP, letter) for letter in letters for _ in range(LONGEST_STRETCH)]


def _letters(moves: Sequence[Move]) -> list[str]:
    """The processes, in the order of their first moves."""
    return list(dict.fromkeys(move.letter for move in moves if move.letter))


Weight = tuple[int, int, int, int]


def weigh(moves: Sequence[Move]) -> Weight:
    """The size of a schedule: its processes, events, moves and switches, in this order."""
    processes = len(_letters(moves))
    events = sum((move.kind != STEP) + (move.kind in ASK_TO_GO) for move in moves)  # a kill is simpler
    return (processes, events, len(moves), count_switches(moves))


def _turns(moves: Sequence[Move]) -> Turns:
    return [list(run) for _, run in groupby(moves)]


def _flat(turns: Turns) -> list[Move]:
    return [move for turn in turns for move in turn]


def _shorter(moves: Sequence[Move]) -> Iterator[list[Move]]:
    """Candidates without a process, a turn, an event or the end of a turn; with kills for signals."""
    for letter in sorted({move.letter for move in moves}):
        yield _renamed([move for move in moves if move.letter != letter])
    yield [move._replace(kind="crash") if move.kind in ASK_TO_GO else move for move in moves]
    turns = _turns(moves)
    for index, turn in enumerate(turns):
        rest = turns[:index], turns[index + 1 :]
        yield _flat([*rest[0], *rest[1]])
        size = len(turn) // 2
        while size:
            yield _flat([*rest[0], turn[:-size], *rest[1]])
            size //= 2


def _with_a_longer_turn(moves: Sequence[Move]) -> Iterator[list[Move]]:
    """Candidates without a process and with a longer turn of another, which may have more to do then."""
    for letter in sorted(_letters(moves)):
        turns = _turns([move for move in moves if move.letter != letter])
        for index, turn in enumerate(turns):
            if not turn[-1].letter:
                continue
            longer = turn + [Move(STEP, turn[-1].letter)] * LONGEST_STRETCH
            yield _renamed(_flat([*turns[:index], longer, *turns[index + 1 :]]))


def _renamed(moves: list[Move]) -> list[Move]:
    """The moves with started processes lettered in the order of their starts, after the scenario's own."""
    started = [move.letter for move in moves if move.kind in LIVES]
    if not started:
        return moves
    others = set(_letters(moves)) - set(started)
    first = LETTERS.index(max(others)) + 1 if others else 0
    names = {letter: LETTERS[first + number] for number, letter in enumerate(started)}
    return [move._replace(letter=names.get(move.letter, move.letter)) for move in moves]


def _in_order_of_first_turn(moves: Sequence[Move], lives: Sequence[str]) -> list[Move]:
    """The moves with the scenario's own processes of one life lettered in the order of first turns."""
    own = LETTERS[: len(lives)]
    first = [letter for letter in dict.fromkeys(move.letter for move in moves) if letter in own]
    names: dict[str, str] = {}
    for life in dict.fromkeys(lives):
        letters = [letter for letter, its_life in zip(own, lives, strict=True) if its_life == life]
        moved = [letter for letter in first if letter in letters]
        rest = [letter for letter in letters if letter not in moved]
        names |= dict(zip([*moved, *rest], letters, strict=True))
    return [move._replace(letter=names.get(move.letter, move.letter)) for move in moves]


def _elsewhere(moves: Sequence[Move]) -> Iterator[list[Move]]:
    """Candidates with a part of one turn moved anywhere into the next."""
    turns = _turns(moves)
    for index in range(len(turns) - 1):
        before, this, that, after = turns[:index], turns[index], turns[index + 1], turns[index + 2 :]
        for early, late in product(range(len(this) + 1), range(1, len(that) + 1)):
            yield _flat([*before, this[:early], that[:late], this[early:], that[late:], *after])
            yield _flat([*before, that[:late], this[:early], that[late:], this[early:], *after])


def name_scenario(subject: Subject, scenario: Scenario, trace: Trace) -> tuple[Scenario, list[Move]] | None:
    """The standard scenario in which an open-ended trace breaks its invariant too, and the schedule.

    A process of the standard scenario's own needs no move that starts it. A process that is started when all
    others are dead is none of these.
    """
    if trace.violation is None:
        return None
    for standard in sorted(SCENARIOS, key=lambda standard: -len(standard.cast.lives)):
        if standard.disk != scenario.disk or standard.plan or standard.cast.settled:
            continue
        names = _cast(trace, standard.cast.lives)
        if names is None:
            continue
        native = LETTERS[: len(standard.cast.lives)]
        moves = [move._replace(letter=names.get(move.letter, "")) for move in trace.moves]
        moves = [move for move in moves if not (move.kind in LIVES and move.letter in native)]
        found = breaks(subject, standard, moves, trace.violation.invariant)
        if found is not None:
            return standard, found
    return None


def _cast(trace: Trace, lives: Sequence[str]) -> dict[str, str] | None:
    """New letters under which the processes of a trace have the given lives; None if they do not fit."""
    free = list(trace.lives)
    names = {}
    for position, life in enumerate(lives):
        for letter in free:
            if trace.lives[letter] == life and not (position and _starts_after_all_ended(trace, letter)):
                names[letter] = LETTERS[position]
                free.remove(letter)
                break
        else:
            return None
    return names | {letter: LETTERS[len(lives) + number] for number, letter in enumerate(free)}


def _starts_after_all_ended(trace: Trace, letter: str) -> bool:
    """Whether all other processes were dead before a process was started."""
    alive: set[str] = set()
    for number, step in enumerate(trace.steps):
        if step.move.letter == letter:
            return number > 0 and not alive
        if step.phase:
            alive.add(step.move.letter)
        if step.outcome is not None:
            alive.discard(step.move.letter)
    return False
