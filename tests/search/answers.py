"""The answers of several searches of one protocol, and of plain re-execution: which invariants are violated.

Plain re-execution shares no memory, no restoring of kernels and no reduction with the search. It executes
every prefix from a fresh kernel, and from there, each in an execution of its own, every question that
``stateful.model.questions`` says. Which faults may happen to a call it takes from ``test_referee.befalls``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from stateful.model.lifecycle import OWNER
from stateful.model.moment import LONGEST_LIFE_STEPS
from stateful.model.scenario import Scenario
from stateful.model.schedule import LETTERS, STEP, Move, ScheduleMismatch
from stateful.protocol.subject import JUST_STARTS, Offer, Subject, find_subject
from stateful.python.guard import Watchdog
from stateful.run import running, step
from stateful.search.explorer import Explorer
from stateful.search.memory import Memory
from stateful.search.power_losses import JUDGED, profile_of
from stateful.search.result import Result
from tests.search.test_referee import Listening, befalls

Switches = Mapping[str, bool]

FULL: Final = {"reduced": False, "memo": False}
SEARCHES: Final[Mapping[str, Switches]] = {
    "no reduction": FULL,
    "reduced": {},
    "memo off": {"memo": False},
    "symmetry off": {"symmetric": False},
}


class Found(NamedTuple):
    """What a search found, and how.

    Attributes:
        calls: every call that a process wanted to make, with its letter.
    """

    result: Result
    calls: frozenset[tuple[str, Any]]

    @property
    def broken(self) -> frozenset[str]:
        return frozenset(self.result.broken or self.result.violations)


def write(source: str, folder: Path, name: str) -> Subject:
    """The subject of a source, in a file of a name that none had before."""
    file = folder / f"{name}.py"
    file.write_text(source)
    return find_subject(file)


def search(
    subject: Subject, scenario: Scenario, *, referee: bool = True, remembers: bool = True, **switches: bool
) -> Found:
    """What a search finds with some reductions off."""
    return search_all(subject, scenario, {"": switches}, referee=referee, remembers=remembers)[""]


def search_all(
    subject: Subject,
    scenario: Scenario,
    searches: Mapping[str, Switches] = SEARCHES,
    *,
    referee: bool = True,
    remembers: bool = True,
) -> dict[str, Found]:
    """What each of several searches finds.

    What a move does is worked out once for all: that memory is no reduction, and plain re-execution has none.
    """
    memory = Memory(subject, scenario.disk, loses_power=scenario.loses_power, remembers=remembers)
    offer, found = _offer(subject), {}
    try:
        for name, switches in searches.items():
            *_, result = Explorer(offer, [scenario], memory, referee=referee, **switches).run()
            intents = memory.behaviour._intents.items()
            calls = frozenset((letter, intent.call) for (letter, _, _), intent in intents)
            found[name] = Found(result, calls)
        return found
    finally:
        memory.close()


def _offer(subject: Subject) -> Offer:
    """What a subject of drawn source offers, as ``examine`` would say."""
    assert subject.folder is not None
    source = Path(subject.folder, f"{subject.module}.py").read_text()
    return JUST_STARTS._replace(can_query="def running_pid(" in source)


def execute(subject: Subject, scenario: Scenario) -> dict[str, list[Move]]:
    """The invariants that some schedule, or the answer to a question, violates, and how it does."""
    with patch.object(step, "faults_of", befalls), patch.object(running, "faults_of", befalls):
        return _execute(subject, scenario)


def _execute(subject: Subject, scenario: Scenario) -> dict[str, list[Move]]:
    broken: dict[str, list[Move]] = {}
    seen: set[Any] = set()
    queries = _offer(subject).can_query
    queue: deque[list[Move]] = deque([[]])
    while queue:
        moves = queue.popleft()
        with Watchdog(), Listening(subject, scenario, moves, referee=True) as execution:
            lost = bool(moves) and moves[-1].kind == "power-loss"
            state = execution.kernel.shared_state() if lost else (execution.state(), *_company(execution))
            broken = dict.fromkeys(execution.broken, moves) | broken
            if state in seen or (lost and profile_of(moves[-1]) not in JUDGED):
                continue
            seen.add(state)
            questions = list(_questions(execution, queries))
            if not lost:
                queue.extend([*moves, move] for move in _options(execution, moves))
        for question in questions:
            asked, answer = _ask(subject, scenario, moves, question)
            broken = dict.fromkeys(answer, asked) | broken
    return broken


def _options(execution: Listening, moves: list[Move]) -> list[Move]:
    """The moves that may be possible; only a step of a process that is yet to own from the beginning."""
    processes = execution.processes()
    for letter in execution.scenario.cast.settled:
        if letter not in processes or not processes[letter].owned:
            step = Move(STEP, letter)
            return [step] if execution.possible(step) else []
    return execution.options(moves)


def _company(execution: Listening) -> Iterator[Any]:
    """What an invariant may say of a live process because it runs alone."""
    for view in map(execution.view, execution.processes().values()):
        if view.alone and view.outcome is None:
            yield view.letter, view.company, view.frozen


class _Question(NamedTuple):
    life: str
    spared: tuple[str, ...] = ()
    disk_still_fails: bool = False
    letter: str = ""


def _questions(execution: Listening, queries: bool) -> Iterator[_Question]:
    """The lives that one process is to live alone after a moment, and which ones are to live them."""
    views = map(execution.view, execution.processes().values())
    owners = tuple(view.letter for view in views if view.owns)
    lives = execution.scenario.cast.lives
    yet_to_begin = [] if _is_over(execution) else execution.waiting()
    kinds = [_Question("start")]
    if owners:
        kinds.append(_Question("start", owners))
    if execution.kernel.disk_fails():
        kinds.append(_Question("start", disk_still_fails=True))
    if queries:
        kinds.append(_Question("status", owners))
    for kind in kinds:
        waiting = [letter for letter in yet_to_begin if lives[LETTERS.index(letter)] == kind.life]
        first = execution.next_letter() if execution.processes() or kind.life != lives[0] else ""
        yield from (kind._replace(letter=letter) for letter in (first, *waiting) if letter)


def _is_over(execution: Listening) -> bool:
    """Whether a process that was to own at first has ended instead: no other of the cast begins then."""
    ended = (letter for letter, process in execution.processes().items() if not process.alive)
    settled = execution.scenario.cast.settled
    return any(letter in settled and not execution.processes()[letter].owned for letter in ended)


def _ask(
    subject: Subject, scenario: Scenario, moves: list[Move], question: _Question
) -> tuple[list[Move], dict[str, str]]:
    """Kill whom a question does not spare and let one process live; the moves, and what they violate."""
    with Watchdog(), Listening(subject, scenario, moves, referee=True) as execution:
        alive = [letter for letter, process in execution.processes().items() if process.alive]
        kills = [Move("crash", letter) for letter in alive if letter not in question.spared]
        heals = [Move("disk-well")] if execution.kernel.disk_fails() and not question.disk_still_fails else []
        letter = question.letter
        own = letter in execution.waiting()
        for move in (*kills, *heals):
            execution.make(move)
        execution.broken.clear()
        for number in range(LONGEST_LIFE_STEPS + 1):
            try:
                execution.make(Move(STEP if number or own else question.life, letter))
            except ScheduleMismatch:
                break  # It waits.
            process = execution.processes()[letter]
            if not process.alive or process.phase == OWNER:
                break
        return execution.trace.moves, execution.broken
