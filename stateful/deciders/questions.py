"""The questions that the exhaustive search asks of every state, beside following its moves.

Each lets one fresh process live its life alone, after a kill of everybody whom the question does not
spare. What that process meets is decided by the shared state and by whom the question spares, so a
question is asked once for each of these.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from stateful.deciders.memory import Memory, State
from stateful.invariants import Moment, View
from stateful.subject import Offer


class Question(NamedTuple):
    """A life to be lived alone.

    Attributes:
        spared: the letters of the owners that go on living meanwhile, without moving.
    """

    life: str
    shared: int
    spared: tuple[str, ...]


def questions(memory: Memory, offer: Offer, state: State) -> Iterator[Question]:
    """Could the gateway start again? Is the owner found? Does a query without clean-up touch anything?"""
    views = (memory.view(local) for local in state.locals)
    owners = tuple(view.letter for view in views if view.owns)
    yield Question("start", state.shared, ())
    if offer.can_query and owners:
        yield Question("status", state.shared, owners)
    if offer.can_peek:
        yield Question("peek", state.shared, owners)


def as_seen_alone(moment: Moment, letter: str, steps: int, company: tuple[str, ...]) -> Moment:
    """The moment as seen when one process runs alone, which the states of the search do not record."""

    def mark(view: View) -> View:
        if view.letter != letter:
            return view
        return view._replace(alone=True, steps=steps, company=company)

    actor = mark(moment.actor) if moment.actor else None
    return moment._replace(actor=actor, processes=[mark(view) for view in moment.processes])
