"""A state of the exhaustive search, as small numbers, and what they stand for.

Most states differ little from each other. So the shared states and the local states of processes are numbered
in the order in which they are first seen, and a state consists of these numbers.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from stateful.model.call import Call
from stateful.model.excuses import NO_EXCUSE, Excuse
from stateful.model.lifecycle import Outcome
from stateful.model.roles import History, Letter, Own, Text

NOT_STARTED: Final = -1


class Local(NamedTuple):
    """The local state of a process: before its first turn, alive, or ended.

    Attributes:
        history: the number of the answers it has got, see ``stateful.search.behaviour``.
        own: the number of the kernel state that only this process can see.
        asked, excuse: see ``stateful.model.moment.View``.
    """

    letter: Letter
    life: Text
    history: History
    own: Own
    phase: Text
    owned: bool
    outcome: Outcome | None
    asked: Text | None = None
    excuse: Excuse = NO_EXCUSE


class State(NamedTuple):
    """A state of the world: numbers of the shared state and of the local state of each process."""

    shared: int
    locals: tuple[int, ...]

    def put(self, index: int, shared: int, local: int) -> State:
        """This state with a new shared state and a new local state of one process."""
        return State(shared, (*self.locals[:index], local, *self.locals[index + 1 :]))


class Effect(NamedTuple):
    """What a move did: the state after it, and the call that it made with its answer."""

    after: State
    call: Call | None
    answer: Any

    def alone(self, index: int) -> Effect:
        """The effect with the local state of one process only."""
        return self._replace(after=State(self.after.shared, (self.after.locals[index],)))

    def among(self, state: State, index: int) -> Effect:
        """The effect on one process, combined with the local states of the others."""
        return Effect(state.put(index, self.after.shared, self.after.locals[0]), self.call, self.answer)


class Numbering:
    """Gives equal values the same small number."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}
        self.values: list[Any] = []

    def __call__(self, value: Any) -> int:
        number = self._numbers.get(value)
        if number is None:
            number = self._numbers[value] = len(self.values)
            self.values.append(value)
        return number


class Numbers(NamedTuple):
    """The numberings of the values that states consist of."""

    shared: Numbering
    own: Numbering
    local: Numbering
