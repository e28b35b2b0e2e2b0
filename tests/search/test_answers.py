"""The referee of answers: drawn protocols violate the same invariants in every search and in plain execution.

``test_referee.py`` compares numbers of states. A right number proves nothing about the invariants that were
checked in the states, nor about the answers that a memo gave. In referee mode every invariant is checked
after every move, the search goes on beyond violations, and the sets of violated invariants are compared.

A failure prints the protocol, ready to paste into ``tests/planted``.

Not shown: that no reduction overlooks anything. ``test_lies.py`` plants mistakes, and has them caught.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Final

import pytest
from hypothesis import HealthCheck, given, seed, settings

from stateful.explain.minimise import minimise
from stateful.host import CONFIRMED, DIFFERS, Host
from stateful.model.invariants import INVARIANTS
from stateful.model.schedule import STEP, Move, ScheduleMismatch
from stateful.model.syscalls import ON_DISK, SYSCALLS
from stateful.model.trace import Trace
from stateful.model.usage import paths
from stateful.protocol.subject import Subject
from stateful.python.guard import Watchdog
from stateful.run.execution import Execution
from stateful.run.replay import look
from tests.search.answers import FULL, Found, Switches, execute, search_all, write
from tests.search.grammar import protocol, protocols
from tests.search.protocols import Protocol
from tests.search.vocabulary import VOCABULARY

DRAWN = range(40)
MOST_STATES = 800  # of one that looks at the time of a folder
FEW_STATES = 100
EXECUTED = 6
PLAYED = 8
OVERWRITES_A_PART = {254}  # of a record, with its pid, which is longer on the host
LONGEST_WALK = 40
TWO: Final[Mapping[str, Switches]] = {"full": FULL, "reduced": {}}
GRAVITY = [invariant.__name__ for invariant in INVARIANTS]
BLOCKS = range(40)  # of the long tests, which xdist deals out

_names = count()


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as host:
        yield host


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("drawn")


def answers(drawn: Protocol, folder: Path) -> dict[str, Found]:
    """What each search finds; they agree."""
    found = search_all(write(drawn.source, folder, f"drawn_{next(_names)}"), drawn.scenario)
    broken = {name: sorted(each.broken) for name, each in found.items()}
    assert len(set(map(str, broken.values()))) == 1, f"{broken}\n{drawn.source}"
    return found


def agrees_with_plain_execution(drawn: Protocol, folder: Path, most: int = FEW_STATES) -> bool:
    """Whether a protocol has few states; then every schedule violates what the reduced search says."""
    subject = write(drawn.source, folder, f"executed_{next(_names)}")
    found = search_all(subject, drawn.scenario, TWO)
    if found["full"].result.states > most:
        return False
    executed = sorted(execute(subject, drawn.scenario))
    assert executed == sorted(found["reduced"].broken), f"executed: {executed}\n{drawn.source}"
    return True


# -- the grammar ---------------------------------------------------------------------------------------------


def test_grammar_has_every_call_of_the_kernel() -> None:
    assert set(VOCABULARY) == set(SYSCALLS)


@pytest.mark.parametrize("drawn", [DRAWN, pytest.param(range(300), marks=pytest.mark.long)], ids=len)
def test_four_searches_agree_on_protocols_that_contend(folder: Path, drawn: range) -> None:
    """A grammar of harmless protocols, or of broken ones alone, would prove nothing."""
    violated, contended, used, largest = 0, 0, set(), 0
    for number in drawn:
        found = answers(protocol(number), folder)["no reduction"]
        violated += bool(found.broken)
        contended += contends(found)
        used |= {call.name for _, call in found.calls}
        largest = max(largest, found.result.states)
    assert 0.2 < violated / len(drawn) < 0.8
    assert contended > len(drawn) / 2
    assert used == set(SYSCALLS) or drawn == DRAWN  # too few for every call
    assert largest <= MOST_STATES


def contends(found: Found) -> bool:
    """Whether a process wants to change what another process also makes a call about."""
    touched: dict[str, set[str]] = {}
    changed: dict[str, set[str]] = {}
    for letter, call in found.calls:
        for path in paths(call):
            touched.setdefault(path, set()).add(letter)
        for path in paths(call, ON_DISK):
            changed.setdefault(path, set()).add(letter)
    return any(len(touched[path]) > 1 for path in changed)


# -- the answers ---------------------------------------------------------------------------------------------


def test_every_schedule_of_the_smallest_protocols_says_the_same(folder: Path) -> None:
    drawn = sorted(map(protocol, DRAWN), key=lambda each: each.size * len(each.scenario.cast.lives))
    few = (each for each in drawn if agrees_with_plain_execution(each, folder))
    assert len(list(islice(few, EXECUTED))) == EXECUTED


@pytest.mark.parametrize("number", range(0, 60, 6))
def test_ordinary_search_finds_the_gravest_as_soon(folder: Path, number: int) -> None:
    """In the mode that people use: the verdict, the gravest invariant, and how short it is told."""
    ordinary_agrees(protocol(number), folder)


def ordinary_agrees(drawn: Protocol, folder: Path) -> None:
    subject = write(drawn.source, folder, f"ordinary_{next(_names)}")
    found = search_all(subject, drawn.scenario, TWO, referee=False)
    gravest = {name: min(each.broken, key=GRAVITY.index, default="") for name, each in found.items()}
    assert gravest["full"] == gravest["reduced"], drawn.source
    invariant = gravest["full"]
    if invariant:
        lengths = [
            len(minimise(subject, drawn.scenario, each.result.violations[invariant].moves, invariant))
            for each in found.values()
        ]
        assert lengths[0] == lengths[1], drawn.source


def test_real_processes_play_drawn_protocols_alike(folder: Path, host: Host) -> None:
    two = [number for number in DRAWN if len(protocol(number).scenario.cast.lives) == 2]
    assert played_differently(two[:PLAYED], folder, host) == {}


def played_differently(numbers: Iterable[int], folder: Path, host: Host) -> dict[int, str]:
    """What real processes do otherwise in a random schedule of each protocol; most can be played."""
    verdicts: Counter[str] = Counter()
    different = {}
    for number in numbers:
        drawn = protocol(number)
        subject = write(drawn.source, folder, f"played_{next(_names)}")
        confirmation = host.confirm(subject, drawn.scenario, wander(subject, drawn, Random(number)))
        verdicts[confirmation.verdict] += 1
        if confirmation.verdict == DIFFERS:
            different[number] = f"{confirmation}\n{drawn.source}"
    assert verdicts[CONFIRMED] > sum(verdicts.values()) / 2
    return different


def wander(subject: Subject, drawn: Protocol, random: Random) -> Trace:
    """A trace of random moves, as many as there are."""
    with Watchdog(), Execution(subject, drawn.scenario, judged=False) as execution:
        look(execution)
        waits: set[Move] = set()
        for _ in range(LONGEST_WALK):
            letters = "AB"[: len(drawn.scenario.cast.lives)]
            steps = [Move(kind, letter) for kind in (STEP, STEP, "exit") for letter in letters]
            possible = [move for move in steps if move not in waits and execution.possible(move)]
            if not possible:
                break
            move = random.choice(possible)
            try:
                execution.make(move)
            except ScheduleMismatch:
                waits.add(move)  # for a lock
                continue
            waits.clear()
            look(execution)
        return execution.trace


# -- for long ------------------------------------------------------------------------------------------------

_long = settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.long
@pytest.mark.parametrize("block", BLOCKS)
def test_four_searches_agree_on_20_000_protocols(folder: Path, block: int) -> None:
    @seed(block)
    @settings(_long, max_examples=20_000 // len(BLOCKS))
    @given(protocols(more=1))
    def agree(drawn: Protocol) -> None:
        answers(drawn, folder)

    agree()


@pytest.mark.long
@pytest.mark.parametrize("block", BLOCKS)
def test_every_schedule_of_2_000_protocols_says_the_same(folder: Path, block: int) -> None:
    @seed(block)
    @settings(_long, max_examples=2_000 // len(BLOCKS))
    @given(protocols())
    def agree(drawn: Protocol) -> None:
        agrees_with_plain_execution(drawn, folder)

    agree()


@pytest.mark.long
@pytest.mark.parametrize("number", range(60, 300))
def test_ordinary_search_finds_the_gravest_as_soon_for_long(folder: Path, number: int) -> None:
    ordinary_agrees(protocol(number), folder)


@pytest.mark.long
def test_real_processes_play_300_protocols_alike(folder: Path, host: Host) -> None:
    assert {*played_differently(range(300), folder, host)} == OVERWRITES_A_PART
