"""Plays a case, which says what its processes are about to do instead of how many steps they take.

If every point is reached and nothing is broken by then, all processes run on until they rest, in the order of
their last turns. So the end of the case need not be the same as when it was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from stateful.explain.case import ENDS, OWNS, Case, Line, Turn, ordinal
from stateful.explain.meaning import meaning
from stateful.model.call import UnmodelledSyscall
from stateful.model.lifecycle import OWNER
from stateful.model.scenario import Scenario
from stateful.model.schedule import LIVES, STEP, Move, ScheduleMismatch
from stateful.model.standard import find_scenario
from stateful.model.trace import Trace
from stateful.model.usage import row
from stateful.protocol.subject import Subject, SubjectError, find_subject
from stateful.python.guard import Watchdog
from stateful.run.examine import examine
from stateful.run.execution import Execution
from stateful.run.replay import Nondeterminism, replay

FIXED, VIOLATED, STALE, UNMODELLED = "FIXED", "VIOLATED", "STALE", "UNMODELLED"
LIMIT_TURN: Final = 1_000  # steps; every life that ends at all is shorter


class Stale(Exception):
    """A case mentions something that no longer exists; the message says what."""


class Recalled(NamedTuple):
    """The verdict on a case, its reason, and the trace if the case could be played."""

    verdict: str
    why: str = ""
    trace: Trace | None = None


@dataclass
class Play:
    """How a case was played: the trace, and notes on turns that ended in another state than the case says."""

    trace: Trace
    notes: list[str]


def recall(case: Case) -> Recalled:
    """Play a case again and return the verdict."""
    try:
        scenario = find_scenario(case.scenario)
    except KeyError:
        return Recalled(STALE, f"there is no scenario {case.scenario} any more")
    try:
        subject = find_subject(case.subject, case.other)
        _check_lives(subject, scenario, case.lines)
        played = play(subject, scenario, case.lines)
        trace = replay(subject, scenario, played.trace.moves)
    except (Stale, SubjectError) as error:
        return Recalled(STALE, str(error))
    except (UnmodelledSyscall, Nondeterminism) as error:
        return Recalled(UNMODELLED, str(error))
    broken = trace.violation
    if broken is None:
        return Recalled(FIXED, "; ".join(played.notes), trace)
    instead = "" if broken.invariant == case.invariant else "another invariant, "
    return Recalled(VIOLATED, f"{instead}{broken.invariant}: {broken.sentence}", trace)


def _check_lives(subject: Subject, scenario: Scenario, lines: Sequence[Line]) -> None:
    if scenario.cast.supervision:
        raise Stale(f"{scenario.name} is played by the clock now")
    offered = examine(subject).lives
    started = [line.kind for line in lines if isinstance(line, Move) and line.kind in LIVES]
    for life in (*scenario.cast.lives, *started):
        if life not in offered:
            raise Stale(f"{subject.name} offers no {life} any more")


def play(subject: Subject, scenario: Scenario, lines: Sequence[Line]) -> Play:
    """Play the lines of a case, up to the first violation. Raises Stale if a point is not reached."""
    with Watchdog(), Execution(subject, scenario) as execution:
        notes: list[str] = []
        for number, line in enumerate(lines):
            if isinstance(line, Move):
                _make(execution, line)
            else:
                is_last = number == len(lines) - 1
                note = run(execution, line)
                if note and not line.rests:
                    raise Stale(_no_longer(line, note))
                if note and not is_last and execution.violation is None:
                    if not _is_accompanied(execution, line.letter):
                        raise Stale(_no_longer(line, note))
                    notes.append(_instead(line, note))
            if execution.violation is not None:
                return Play(execution.trace, notes)
        _run_on(execution, lines)
        return Play(execution.trace, notes)


def run(execution: Execution, turn: Turn) -> str:
    """Run a process to the end of a turn or to a violation; if it stops earlier, how it rests."""
    seen = 0
    for _ in range(LIMIT_TURN):
        try:
            step = execution.upcoming(turn.letter)
            if step is None:
                return "" if turn.until == ENDS else "it ends"
            assert step.call is not None
            has_begun = turn.letter in execution.processes()
            if has_begun and step.phase == OWNER and row(step.call).serves and turn.until == OWNS:
                return ""
            text = meaning(execution.trace, step)
            seen += text == turn.until
            if seen == turn.nth and not turn.rests:
                return ""
            execution.make(Move(STEP, turn.letter))
        except ScheduleMismatch as misfit:
            rests = _rests(execution, turn.letter)
            if not rests:
                raise Stale(_no_longer(turn, misfit.why)) from None
            return rests
        if execution.violation is not None:
            return ""
    return f"it goes on for {LIMIT_TURN:,} steps"


def _rests(execution: Execution, letter: str) -> str:
    """How a live process that makes no step rests."""
    process = execution.processes().get(letter)
    if process is None or process.pending is None:
        return ""
    if process.stopped:
        return "it is stopped"
    if process.phase == OWNER and row(process.pending).serves:
        return "it owns"
    step = execution.upcoming(letter)
    return f"it waits in {meaning(execution.trace, step)}" if step else "it has ended"


def _make(execution: Execution, move: Move) -> None:
    """Make an event or inject a fault. Raises Stale if that is not possible any more."""
    try:
        execution.make(move)
    except ScheduleMismatch as misfit:
        raise Stale(f"{move} is not possible any more: {misfit.why}") from None


def _is_accompanied(execution: Execution, letter: str) -> bool:
    """Whether another process is alive, so that this one may rightly be refused or have to wait."""
    return any(each.alive for other, each in execution.processes().items() if other != letter)


def _run_on(execution: Execution, lines: Sequence[Line]) -> None:
    """Run each process until it rests or something is broken; the process that moved last goes first."""
    for letter in dict.fromkeys(line.letter for line in reversed(lines)):
        process = execution.processes().get(letter)
        if process is not None and execution.violation is None:
            run(execution, Turn(letter, ENDS))


def _no_longer(turn: Turn, rests: str) -> str:
    if turn.rests:
        return f"{turn.letter} no longer {turn.until.removeprefix('it ')}: {rests}"
    nth = f" a {ordinal(turn.nth)} time" if turn.nth > 1 else ""
    return f"{turn.letter} no longer makes {turn.until}{nth}: {rests} before that"


def _instead(turn: Turn, rests: str) -> str:
    return f"{turn.letter} no longer {turn.until.removeprefix('it ')}: {rests} while others are alive"
