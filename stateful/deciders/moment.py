"""States and effects of the exhaustive search as the moments that invariants and goals look at."""

from __future__ import annotations

from stateful.deciders.memory import Effect, Memory, State
from stateful.invariants import Moment, View, needs_disk
from stateful.kernel.faults import WORLD
from stateful.running import LETTERS
from stateful.schedule import Move


def alive(memory: Memory, state: State) -> list[str]:
    """The letters of the processes that live."""
    views = [memory.view(local) for local in state.locals if not memory.is_unborn(local)]
    return [view.letter for view in views if view.outcome is None]


def moment_of(memory: Memory, state: State, move: Move, effect: Effect) -> Moment:
    """The moment at which a move has had an effect."""
    locals_ = effect.after.locals
    views = [memory.view(local) for local in locals_ if not memory.is_unborn(local)]
    actor = before = after = None
    if move.kind not in WORLD:
        index = LETTERS.index(move.letter)
        was, actor = memory.view(state.locals[index]), memory.view(locals_[index])
        if needs_disk(was.life, was.phase):
            before, after = memory.disk(state), memory.disk(effect.after)
    return Moment(
        move,
        actor,
        effect.call,
        effect.answer,
        before,
        after,
        views,
        len(locals_) - len(views),
    )


def as_seen_alone(moment: Moment, letter: str, steps: int, company: tuple[str, ...]) -> Moment:
    """The moment as seen when one process runs alone, which the states of the search do not record."""

    def mark(view: View) -> View:
        if view.letter != letter:
            return view
        return view._replace(alone=True, steps=steps, company=company)

    actor = mark(moment.actor) if moment.actor else None
    return moment._replace(actor=actor, processes=[mark(view) for view in moment.processes])
