"""Goals that need the search's state, not just one moment."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from stateful.model.lifecycle import STARTING
from stateful.model.moment import View
from stateful.model.scenario import Scenario
from stateful.model.schedule import LETTERS
from stateful.search.memory import Memory
from stateful.search.predecessors import Predecessors
from stateful.search.search_state import State

GOALS_INSIDE_CLAIMS: Final = {"a_crash_fell_inside_a_claim", "a_reader_ran_beside_a_claim"}


def is_refused(memory: Memory, state: State, waiting: Collection[str]) -> bool:
    """Whether a contender that cannot move waits for an owner: this counts as being refused."""
    views = [memory.view(local) for local in state.locals]
    contends = any(_claims(views[LETTERS.index(letter)]) for letter in waiting)
    return contends and any(view.owns for view in views)


def any_claims(memory: Memory, predecessors: Predecessors) -> bool:
    """Whether a process is inside a claim in some state; never, if claiming is a single call."""
    locals_ = {local for node in predecessors.nodes() for local in node.state.locals}
    return any(_claims(memory.view(local)) for local in locals_ if not memory.has_not_started(local))


def _claims(view: View) -> bool:
    return view.contends and view.phase == STARTING and view.outcome is None


def goals_of(scenario: Scenario, not_offered: frozenset[str]) -> tuple[str, ...]:
    """The goals of a scenario, without those that depend on an invariant that is not offered."""
    if scenario.disk.files and "a_dead_owner_can_be_replaced" in not_offered:
        return ()
    refused = ("a_contender_was_refused",) if "at_most_one_owner" in not_offered else ()
    return tuple(goal for goal in scenario.goals() if goal not in refused)
