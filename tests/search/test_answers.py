"""The referee of answers: drawn protocols violate the same by every search, and by plain execution.

``test_referee.py`` compares numbers of states. That a number is right proves nothing about the questions that
were asked of the states, nor about those that a memo answered. In referee mode every invariant is asked of
every move, the search goes on beyond what is broken, and the sets of violated invariants are compared.

A failure prints the protocol, ready to paste into ``tests/planted``.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from stateful.explain.minimise import minimise
from stateful.model.invariants import INVARIANTS
from stateful.model.syscalls import ON_DISK, SYSCALLS
from stateful.model.usage import paths
from tests.search.answers import FULL, Found, execute, search, search_all, write
from tests.search.protocols import Protocol, protocol
from tests.search.vocabulary import VOCABULARY

DRAWN = range(300)
MOST_STATES = 400
FEW_STATES = 100
EXECUTED = 60
PLAYED = 10
GRAVITY = [invariant.__name__ for invariant in INVARIANTS]
BLOCKS = range(40)  # of the long tests, which xdist deals out

_names = count()


@pytest.fixture(autouse=True)
def _little_to_collect() -> Iterator[None]:
    """The end of each simulated process collects garbage, which takes longer the more there is to look at."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


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
    found = search(subject, drawn.scenario)
    if search(subject, drawn.scenario, **FULL).result.states > most:
        return False
    executed = sorted(execute(subject, drawn.scenario))
    assert executed == sorted(found.broken), f"executed: {executed}\n{drawn.source}"
    return True


# -- the grammar --------------------------------------------------------------------------------------


def test_grammar_has_every_call_of_the_kernel() -> None:
    assert set(VOCABULARY) == set(SYSCALLS)


def test_four_searches_agree_on_300_protocols_that_contend(folder: Path) -> None:
    """A grammar of harmless protocols, or of broken ones alone, would prove nothing."""
    violated, contended, used, largest = 0, 0, set(), 0
    for number in DRAWN:
        gc.freeze()
        found = answers(protocol(number), folder)["no reduction"]
        violated += bool(found.broken)
        contended += contends(found)
        used |= {call.name for _, call in found.calls}
        largest = max(largest, found.result.states)
    assert 0.2 < violated / len(DRAWN) < 0.8
    assert contended > len(DRAWN) / 2
    assert used == set(SYSCALLS)
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


# -- the answers --------------------------------------------------------------------------------------


def small(most: int) -> Iterator[Protocol]:
    """Drawn protocols of a few calls, the smallest first."""
    drawn = sorted(map(protocol, DRAWN), key=lambda each: each.size * len(each.scenario.cast.lives))
    return iter(drawn[:most])


def test_every_schedule_of_the_smallest_protocols_says_the_same(folder: Path) -> None:
    compared = [agrees_with_plain_execution(drawn, folder) for drawn in small(EXECUTED)]
    assert all(compared)


@pytest.mark.parametrize("number", range(0, 60, 6))
def test_ordinary_search_finds_the_gravest_as_soon(folder: Path, number: int) -> None:
    """In the mode that people use: the verdict, the gravest invariant, and how short it is told."""
    drawn = protocol(number)
    subject = write(drawn.source, folder, f"ordinary_{next(_names)}")
    found = search_all(subject, drawn.scenario, {"full": FULL, "reduced": {}}, referee=False)
    gravest = {name: min(each.broken, key=GRAVITY.index, default=None) for name, each in found.items()}
    assert gravest["full"] == gravest["reduced"], drawn.source
    invariant = gravest["full"]
    if invariant is not None:
        lengths = {
            name: len(minimise(subject, drawn.scenario, each.result.violations[invariant].moves, invariant))
            for name, each in found.items()
        }
        assert lengths["full"] == lengths["reduced"], drawn.source
