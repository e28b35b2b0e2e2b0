"""An exchange of processes covers every field of a state; a type without roles is refused."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from stateful.kernel.state import SharedState
from stateful.model.machine import Stranger
from stateful.model.roles import Letter, Number, Pid, Role, Sorted, Text, exchanger
from stateful.search.search_state import Local

CHANGES: dict[Role, Any] = {
    Role.LETTER: {"A": "B", "B": "A"}.get,
    Role.PID: lambda pid: pid + 1,
    Role.TEXT: str.upper,
}


class Silent(NamedTuple):
    """A state with a field that says nothing of what it names."""

    letter: Letter
    parent: int


class Whole(NamedTuple):
    """A state that says it of each."""

    letter: Letter
    pid: Pid
    name: Text
    size: Number
    others: Sorted[tuple[Letter, Number]]


def test_field_that_does_not_say_what_it_names_is_refused() -> None:
    with pytest.raises(TypeError, match="does not say what it names"):
        exchanger(Silent, CHANGES)


def test_each_field_is_exchanged_by_what_it_names() -> None:
    before = Whole("A", 101, "x", 7, (("A", 2), ("B", 1)))
    assert exchanger(Whole, CHANGES)(before) == Whole("B", 102, "X", 7, (("A", 1), ("B", 2)))


@pytest.mark.parametrize("state", (SharedState, Local, Stranger))
def test_every_field_of_the_states_of_the_search_says_what_it_names(state: type) -> None:
    exchanger(state, CHANGES)
