"""What a failure needs: which orderings and which faults, each shown by a run that passes without it.

An *ordering* is a pair of steps of two processes that touch the same thing, at least one of which changes it.
It is needed if nothing is broken when the process of the first step is held until the second step is done,
everything else keeps its order, and every process then runs on to its end. A fault is needed if nothing is
broken without it. For a kill, the search also looks for the latest step before it and the earliest call after
it at which the kill would break nothing.

Of the needed orderings, those that follow from others are left out; ``needs`` puts the rest into sentences.
Not shown: that every schedule with these orderings fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from stateful.explain.conflict import conflict
from stateful.explain.minimise import attempt, to_the_end
from stateful.explain.story import Story
from stateful.explain.words import call_text
from stateful.model.scenario import Scenario
from stateful.model.schedule import LIVES, STEP, Move
from stateful.model.trace import Need, NeededFault, Ordering, Step, Trace
from stateful.protocol.subject import Subject
from stateful.python.guard import Watchdog

LIMIT_RUNS: Final = 150  # a second or two
MOST_ORDERINGS: Final = 3
LONGEST_DELAY: Final = 20  # calls by which a kill is delayed


def explain(subject: Subject, scenario: Scenario, trace: Trace) -> Trace:
    """The same trace, with the needs of its failure filled in."""
    trace.needs = find_needs(subject, scenario, trace)
    return trace


def find_needs(subject: Subject, scenario: Scenario, trace: Trace) -> list[Need]:
    """What the failure of a trace needs: the faults, then at most MOST_ORDERINGS orderings."""
    if trace.violation is None:
        return []
    search = _Search(subject, scenario, trace)
    with Watchdog():
        return [*search.faults(), *search.orderings()]


def needs(trace: Trace) -> Iterator[str]:
    """The sentences that say what a failure needs; each quotes a passing schedule that can be pasted."""
    for need in trace.needs:
        yield _ordering_sentence(need) if isinstance(need, Ordering) else _fault_sentence(need)


def _ordering_sentence(need: Ordering) -> str:
    return (
        f'It needs step {need.first} before step {need.then}; the other way round, "{need.passing}" passes.'
    )


def _fault_sentence(need: NeededFault) -> str:
    parts = [f'without it, "{need.passing}" passes']
    if need.after is not None:
        step, passing = need.after
        parts.append(f'with it before step {step}, "{passing}" does')
    if need.before is not None:
        call, passing = need.before
        parts.append(f'with it after {call_text(call)}, "{passing}" does')
    return f"It needs {need.fault}: {'; '.join(parts)}."


class _Search:
    def __init__(self, subject: Subject, scenario: Scenario, trace: Trace) -> None:
        self._subject = subject
        self._scenario = scenario
        self._trace = trace
        self._story = Story(trace)
        self._runs = 0

    def _passing(self, moves: Sequence[Move]) -> Trace | None:
        """The run of a schedule after which every process runs to its end; None if it breaks an invariant."""
        if self._runs == LIMIT_RUNS:
            return None
        self._runs += 1
        trace = attempt(self._subject, self._scenario, to_the_end(list(moves)))
        return trace if trace.violation is None else None

    # -- faults ---------------------------------------------------------------------------------------

    def faults(self) -> Iterator[NeededFault]:
        """The faults without which nothing is broken."""
        moves = self._trace.moves
        for index, move in enumerate(moves):
            if not move.is_fault:
                continue
            instead = [Move(STEP, move.letter)] if move.steps else []
            passing = self._passing([*moves[:index], *instead, *moves[index + 1 :]])
            if passing is not None:
                crash = move.kind == "crash"
                yield NeededFault(
                    str(move),
                    passing.schedule,
                    self._not_earlier(index) if crash else None,
                    self._not_later(index) if crash else None,
                )

    def _not_earlier(self, index: int) -> tuple[int, str] | None:
        """The last step of the killed process before which the kill breaks nothing, and the passing run."""
        moves = self._trace.moves
        own = [at for at in range(index) if moves[at].letter == moves[index].letter and moves[at].steps]
        for at in reversed(own):
            rest = [move for move in moves[at:index] if move.letter != moves[index].letter]
            passing = self._passing([*moves[:at], moves[index], *rest, *moves[index + 1 :]])
            if passing is not None:
                return self._story.numbered[at][0], passing.schedule
        return None

    def _not_later(self, index: int) -> tuple[Step, str] | None:
        """The next call of the killed process after which the kill breaks nothing, and the passing run."""
        moves = self._trace.moves
        letter = moves[index].letter
        for delay in range(1, LONGEST_DELAY):
            later = [*moves[:index], *[Move(STEP, letter)] * delay, *moves[index:]]
            made = attempt(self._subject, self._scenario, later[: index + delay])
            if len(made.steps) < index + delay or made.steps[-1].call is None:
                return None
            passing = self._passing(later)
            if passing is not None:
                return made.steps[-1], passing.schedule
        return None

    # -- orderings ------------------------------------------------------------------------------------

    def orderings(self) -> list[Ordering]:
        """The needed orderings, without those that follow from others."""
        needed: list[tuple[int, int, str]] = []
        for first, then in self._pairs():
            if any(self._follows((first, then), strong[:2]) for strong in needed):
                continue
            passing = self._reversed(first, then)
            if passing is not None:
                needed = [weak for weak in needed if not self._follows(weak[:2], (first, then))]
                needed.append((first, then, passing.schedule))
        numbers = [number for number, _ in self._story.numbered]
        return [Ordering(numbers[a], numbers[b], shown) for a, b, shown in sorted(needed)[:MOST_ORDERINGS]]

    def _pairs(self) -> Iterator[tuple[int, int]]:
        """Pairs of conflicting steps of two processes; the closest pairs come first, as they say most."""
        steps = self._trace.steps
        made = [at for at, step in enumerate(steps) if step.move.steps and not self._is_given(at)]
        for first, then in sorted(combinations(made, 2), key=lambda pair: pair[1] - pair[0]):
            one, other = steps[first], steps[then]
            if one.move.letter != other.move.letter and conflict(self._trace, one, other):
                yield first, then

    def _is_given(self, at: int) -> bool:
        """True for steps whose position is fixed by the scenario (settled owners, final queries)."""
        letter = self._trace.moves[at].letter
        owns = self._story.owned_from(letter)
        settles = letter in self._scenario.cast.settled and self._story.numbered[at][0] <= (owns or 0)
        return settles or letter == self._asker()

    def _asker(self) -> str:
        """The process that was started last to test what the others left; empty if it is a second owner."""
        if self._trace.violation is None or self._trace.violation.invariant == "at_most_one_owner":
            return ""
        last = self._trace.moves[-1].letter
        first = next((at for at, move in enumerate(self._trace.moves) if move.letter == last), 0)
        alone = all(move.letter == last for move in self._trace.moves[first:])
        return last if alone and self._trace.moves[first].kind in LIVES else ""

    def _follows(self, weak: tuple[int, int], strong: tuple[int, int]) -> bool:
        """Whether an ordering follows from another ordering of the same two processes."""
        letters = [[self._trace.moves[at].letter for at in pair] for pair in (weak, strong)]
        return letters[0] == letters[1] and weak[0] <= strong[0] and strong[1] <= weak[1]

    def _reversed(self, first: int, then: int) -> Trace | None:
        """The passing run in which the second of two steps comes first, and both are still the same calls."""
        moves = self._trace.moves
        held = [move for move in moves[first : then + 1] if move.letter == moves[first].letter]
        others = [move for move in moves[first : then + 1] if move.letter != moves[first].letter]
        passing = self._passing([*moves[:first], *others, *held, *moves[then + 1 :]])
        if passing is None:
            return None
        now = [_find(passing, self._trace, at) for at in (then, first)]
        return passing if now[0] is not None and now[1] is not None and now[0] < now[1] else None


def _find(trace: Trace, of: Trace, at: int) -> int | None:
    """The index of the same step in another trace, after equally many steps of its process; or None."""
    step = of.steps[at]
    number = sum(move.letter == step.move.letter and move.steps for move in of.moves[:at])
    own = [n for n, move in enumerate(trace.moves) if move.letter == step.move.letter and move.steps]
    if number >= len(own):
        return None
    again = trace.steps[own[number]]
    same = again.path == step.path and (again.call and again.call.name) == (step.call and step.call.name)
    return own[number] if same else None
