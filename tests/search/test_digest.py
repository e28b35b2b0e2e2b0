"""A digest depends on the content of a state alone, not on its numbers or the order of the search."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import pytest

from stateful.model.call import Delivery, Errno
from stateful.model.lifecycle import Outcome
from stateful.model.schedule import STEP, Move
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.run.examine import examine
from stateful.search.digest import Digests, _digest
from stateful.search.explorer import Explorer
from stateful.search.memory import Memory
from stateful.search.predecessors import Node


def digests_of(
    subject: str, name: str, before: Callable[[Explorer], None] = lambda explorer: None
) -> set[bytes]:
    """The digests of the states of a scenario, whose search may be preceded by another one."""
    found, scenario = find_subject(subject), find_scenario(name)
    memory = Memory(found, scenario.disk, loses_power=scenario.loses_power)
    digests = Digests(memory)
    seen: set[bytes] = set()
    try:
        explorer = Explorer(
            examine(found),
            [scenario],
            memory,
            observe=lambda state: seen.add(digests.node(Node(state, 0))),
        )
        before(explorer)
        list(explorer.run())
    finally:
        memory.close()
    return seen


def _number_in_another_order(explorer: Explorer) -> None:
    """Have the states that are reached late numbered before those that are reached early."""
    memory, lives = explorer.memory, explorer.cast.lives
    state = memory.initial(lives)
    for letter in reversed("ABC"[: len(lives)]):
        for _ in range(12):
            effect = memory.effect(state, Move(STEP, letter))
            if effect is not None and memory.view(effect.after.locals["ABC".index(letter)]).outcome is None:
                state = effect.after


@pytest.mark.parametrize(
    ("subject", "name"),
    (
        pytest.param("unlinked-lock", "two-starts-empty-1-kill", marks=pytest.mark.long),
        ("direct-unlink", "exit-and-start-empty"),
        ("reference-status", "two-starts-empty-1-kill"),
        pytest.param("direct-unlink", "three-starts-empty", marks=pytest.mark.long),
    ),
)
def test_states_are_the_same_in_whatever_order_they_are_numbered(subject: str, name: str) -> None:
    assert digests_of(subject, name) == digests_of(subject, name, _number_in_another_order)


def test_states_are_the_same_with_every_hash_seed_and_python() -> None:
    """This process has a seed of its own, and the suite is run on each Python."""
    states = digests_of("direct-unlink", "two-starts-stale-1-kill")
    assert blake2b(b"".join(sorted(states)), digest_size=8).hexdigest() == "dfbcec45d83e586a"


@pytest.mark.parametrize(
    ("one", "other"),
    (
        (True, 1),
        (signal.SIGTERM, 15),
        (Outcome("killed", "SIGKILL"), ("killed", "SIGKILL", None, None, False)),
    ),
    ids=str,
)
def test_equal_values_have_equal_digests(one: Any, other: Any) -> None:
    assert one == other
    assert _digest(one) == _digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    (
        ("1", 1),
        ("ab", b"ab"),
        (None, ()),
        (("a", "b"), ("ab",)),
        ((("a",), "b"), ("a", ("b",))),
        ((1, 23), (12, 3)),
        (Errno(errno.ENOENT), Delivery(signal.SIGINT)),
        (Errno(9), (9,)),
    ),
    ids=str,
)
def test_different_values_have_different_digests(one: Any, other: Any) -> None:
    assert _digest(one) != _digest(other)


def test_what_might_not_be_written_alike_twice_is_refused() -> None:
    with pytest.raises(TypeError, match="frozenset: it has no byte representation"):
        _digest((frozenset({"a"}),))
