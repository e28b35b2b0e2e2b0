"""What the search sees of goals that no single moment shows."""

from __future__ import annotations

from stateful.model.lifecycle import STARTING
from stateful.model.moment import View
from stateful.model.scenario import Scenario
from stateful.model.schedule import LETTERS, STEP, Move
from stateful.search.memory import Memory
from stateful.search.predecessors import Ways
from stateful.search.search_state import State


def is_kept_waiting(memory: Memory, state: State, move: Move) -> bool:
    """Whether a contender whose move is not possible waits while somebody owns: it is as good as refused."""
    if move.kind != STEP:
        return False
    views = [memory.view(local) for local in state.locals]
    return _claims(views[LETTERS.index(move.letter)]) and any(view.owns for view in views)


def anybody_claims(memory: Memory, ways: Ways) -> bool:
    """Whether anybody is inside a claim in some state: where it is a single call nobody ever is."""
    locals_ = {local for node in ways.nodes() for local in node.state.locals}
    return any(_claims(memory.view(local)) for local in locals_ if not memory.is_unborn(local))


def _claims(view: View) -> bool:
    return view.contends and view.phase == STARTING and view.outcome is None


def goals_of(scenario: Scenario, not_offered: frozenset[str]) -> tuple[str, ...]:
    """The goals of a scenario, but for those that only an invariant leads to that is not offered."""
    if scenario.disk.files and "a_dead_owner_can_be_replaced" in not_offered:
        return ()
    refused = ("a_contender_was_refused",) if "at_most_one_owner" in not_offered else ()
    return tuple(goal for goal in scenario.goals() if goal not in refused)
