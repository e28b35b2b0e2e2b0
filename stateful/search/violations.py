"""What the exhaustive search makes of a broken invariant: it executes the way there, and keeps the trace.

Of the violations of an invariant the first one that is found is kept, which is a shortest one. Where two
subjects run in one home, it gives way to the first for which the one named first is to blame: that the other
one fails may be known.
"""

from __future__ import annotations

from typing import Final

from stateful.explain.blame import WHILE_SOMEBODY_OWNS, to_blame
from stateful.explain.minimise import vary
from stateful.model.life import runs_other
from stateful.model.scenario import Scenario
from stateful.model.schedule import LETTERS, LIVES, Move, ScheduleMismatch, format_schedule
from stateful.model.trace import Trace
from stateful.python.guard import Watchdog
from stateful.run.execution import Execution
from stateful.run.replay import Nondeterminism, replay
from stateful.search.fault_plan import Layer
from stateful.search.memory import Memory
from stateful.search.predecessors import Node

MOST_MASKED: Final = 8  # traces of an invariant that are tried because another is broken before it


def note_violation(
    memory: Memory, scenario: Scenario, layer: Layer, invariant: str, node: Node, more: list[Move]
) -> None:
    """Execute the way to a node, and some moves from there that break an invariant; keep the trace.

    Raises Nondeterminism where nothing is broken then.
    """
    known = layer.violations.get(invariant)
    if layer.masked[invariant] >= MOST_MASKED or (known and not _may_blame(memory, known, node, more)):
        return
    moves = layer.ways.moves(node, more)
    found = f"the search found {invariant} violated by {format_schedule(moves)!r}, and its replay did not"
    try:
        trace = replay(memory.subject, scenario, moves)
    except ScheduleMismatch as mismatch:
        raise Nondeterminism(f"{found}: {mismatch}") from None
    if trace.violation is None:
        raise Nondeterminism(found)
    if trace.violation.invariant != invariant:
        # On this way a question's answer is given, and broken, before; on another way it may not be.
        layer.masked[invariant] += 1
        layer.violations.setdefault(trace.violation.invariant, trace)
        if known:
            return
        varied = vary(memory.subject, scenario, moves, invariant)
        if varied is None:
            return
        trace = replay(memory.subject, scenario, varied)
    if not known or trace.subject in to_blame(trace):
        layer.violations[invariant] = trace


def note_broken(
    memory: Memory, scenario: Scenario, layer: Layer, invariant: str, node: Node, more: list[Move]
) -> None:
    """Note, for a referee, the way to a broken invariant; it is executed beyond whatever else it breaks.

    Raises Nondeterminism where that invariant is not broken then.
    """
    moves = layer.ways.moves(node, more)
    try:
        with Watchdog(), Execution(memory.subject, scenario, referee=True) as execution:
            for move in moves:
                execution.make(move)
    except ScheduleMismatch as mismatch:
        raise Nondeterminism(f"{invariant}: {mismatch}") from None
    if invariant not in execution.broken:
        raise Nondeterminism(f"{format_schedule(moves)!r} was found to break {invariant}, and does not")
    layer.broken[invariant] = moves


def _may_blame(memory: Memory, known: Trace, node: Node, more: list[Move]) -> bool:
    """Whether the first of two subjects may be to blame now, after the other one alone was."""
    assert known.violation is not None
    if known.other is None or known.subject in to_blame(known):
        return False
    if known.violation.invariant in WHILE_SOMEBODY_OWNS:
        return True
    index = LETTERS.index(more[-1].letter)
    locals_ = node.state.locals
    born = (move.kind for move in more if move.kind in LIVES)
    return not runs_other(memory.local(locals_[index]).life if index < len(locals_) else next(born))
