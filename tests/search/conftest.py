"""A fixture that searches one scenario."""

from __future__ import annotations

from typing import Protocol

import pytest

from stateful.model.scenario import Scenario
from stateful.protocol.subject import Subject, find_subject
from stateful.run.examine import examine
from stateful.search.explorer import Explorer
from stateful.search.memory import Memory
from stateful.search.result import Result


class Search(Protocol):
    """See ``search_one``."""

    def __call__(self, subject: str, scenario: Scenario, *, reduced: bool = True) -> Result: ...


def find(name: str) -> Subject:
    """A subject, or as in ``one with another`` two of them."""
    return find_subject(*name.split(" with "))


def search_one(subject: str, scenario: Scenario, *, reduced: bool = True) -> Result:
    """The result of one scenario, with or without reductions."""
    found = find(subject)
    memory = Memory(found, scenario.disk, loses_power=scenario.loses_power)
    try:
        *_, result = Explorer(examine(found), [scenario], memory, reduced=reduced).run()
        return result
    finally:
        memory.close()


@pytest.fixture
def search() -> Search:
    return search_one
