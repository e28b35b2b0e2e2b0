"""The smallest counterexample like one that was drawn: minimised, and told in a standard scenario."""

from __future__ import annotations

from stateful.explain.minimise import LIMIT_MOVES, minimise, name_scenario
from stateful.model.scenario import Scenario
from stateful.model.trace import Trace
from stateful.protocol.subject import Subject
from stateful.run.replay import replay


def smallest(
    subject: Subject, scenario: Scenario, trace: Trace, limit_moves: int = LIMIT_MOVES
) -> tuple[Scenario, Trace]:
    """The smallest trace that breaks the same invariant, and the scenario in which it does."""
    assert trace.violation is not None
    invariant = trace.violation.invariant
    moves = minimise(subject, scenario, trace.moves, invariant, limit_moves)
    small = replay(subject, scenario, moves)
    named = name_scenario(subject, scenario, small)
    if named is None:
        return scenario, small
    scenario, moves = named
    return scenario, replay(subject, scenario, minimise(subject, scenario, moves, invariant, limit_moves))
