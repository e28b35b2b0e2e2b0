"""Records a violation that the exhaustive search found: executes the moves to it and keeps the trace.

The first violation found of an invariant is kept; it is a shortest one. If two subjects run in one home, it
is replaced by the first violation for which the subject named first is to blame: that the other subject
fails may be known already.
"""

from __future__ import annotations

from typing import Final

from stateful.explain.blame import WHILE_OWNED, to_blame
from stateful.explain.minimise import vary
from stateful.model.invariants import TOLD_APART
from stateful.model.life import runs_other
from stateful.model.scenario import Scenario
from stateful.model.schedule import LETTERS, LIVES, Move, ScheduleMismatch, format_schedule
from stateful.model.trace import Trace
from stateful.python.guard import Watchdog
from stateful.run.execution import Execution
from stateful.run.replay import Nondeterminism, replay
from stateful.search.fault_plan import FaultPlan
from stateful.search.memory import Memory
from stateful.search.predecessors import Node

MOST_MASKED: Final = 8  # traces of an invariant that may break another one earlier before no more are tried


def note_violation(
    memory: Memory, scenario: Scenario, plan: FaultPlan, invariant: str, node: Node, more: list[Move]
) -> None:
    """Execute the moves to a node, and further ones that break an invariant; keep the trace.

    Raises Nondeterminism if no invariant is broken then.
    """
    known = plan.violations.get(invariant)
    if plan.masked[invariant] >= MOST_MASKED or (known and not _may_blame(memory, known, node, more)):
        return
    moves = plan.predecessors.moves(node, more)
    found = f"the search found {invariant} violated by {format_schedule(moves)!r}, and its replay did not"
    try:
        trace = replay(memory.subject, scenario, moves)
    except ScheduleMismatch as mismatch:
        raise Nondeterminism(f"{found}: {mismatch}") from None
    if invariant in TOLD_APART and trace.violation is None and trace.apart is not None:
        plan.violations[invariant] = trace
        return
    if trace.violation is None:
        raise Nondeterminism(found)
    if trace.violation.invariant != invariant:
        # This path breaks a different invariant first; another path to the same state may not.
        plan.masked[invariant] += 1
        plan.violations.setdefault(trace.violation.invariant, trace)
        if known:
            return
        varied = vary(memory.subject, scenario, moves, invariant)
        if varied is None:
            return
        trace = replay(memory.subject, scenario, varied)
    if not known or trace.subject in to_blame(trace):
        plan.violations[invariant] = trace


def note_broken(
    memory: Memory, scenario: Scenario, plan: FaultPlan, invariant: str, node: Node, more: list[Move]
) -> None:
    """Note, for a referee, the moves that break an invariant; they are executed even past other violations.

    Raises Nondeterminism if that invariant is not broken then.
    """
    moves = plan.predecessors.moves(node, more)
    try:
        with Watchdog(), Execution(memory.subject, scenario, referee=True) as execution:
            for move in moves:
                execution.make(move)
    except ScheduleMismatch as mismatch:
        raise Nondeterminism(f"{invariant}: {mismatch}") from None
    if invariant not in execution.broken:
        raise Nondeterminism(f"{format_schedule(moves)!r} was found to break {invariant}, and does not")
    plan.broken[invariant] = moves


def _may_blame(memory: Memory, known: Trace, node: Node, more: list[Move]) -> bool:
    """Whether the first of two subjects may be to blame now; in the known trace only the other one was."""
    if known.violation is None:
        return False
    if known.other is None or known.subject in to_blame(known):
        return False
    if known.violation.invariant in WHILE_OWNED:
        return True
    index = LETTERS.index(more[-1].letter)
    locals_ = node.state.locals
    started = (move.kind for move in more if move.kind in LIVES)
    return not runs_other(memory.local(locals_[index]).life if index < len(locals_) else next(started))
