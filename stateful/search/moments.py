"""Turns states and effects of the exhaustive search into the moments that invariants and goals check."""

from __future__ import annotations

from math import inf

from stateful.model.call import Call
from stateful.model.faults import MACHINE_FAULTS
from stateful.model.moment import Moment, View, company_of, is_quiet, needs_disk
from stateful.model.schedule import LETTERS, STEP, Move
from stateful.model.signal_target import Target, target_of
from stateful.model.usage import descriptor, sends_signal
from stateful.search.memory import Memory
from stateful.search.search_state import Effect, State


def alive(memory: Memory, state: State) -> list[str]:
    """The letters of the live processes."""
    views = [memory.view(local) for local in state.locals if not memory.has_not_started(local)]
    return [view.letter for view in views if view.outcome is None]


def moment_of(memory: Memory, state: State, move: Move, effect: Effect) -> Moment:
    """The moment just after a move."""
    locals_ = effect.after.locals
    views = [memory.view(local) for local in locals_ if not memory.has_not_started(local)]
    disks = target = None
    locked: tuple[int, ...] = ()
    if move.kind not in MACHINE_FAULTS:
        index = LETTERS.index(move.letter)
        was = memory.view(state.locals[index])
        is_planted = memory.is_planted(state)
        if needs_disk(was.life, was.phase, is_planted):
            disks = memory.disk(state), memory.disk(effect.after)
        if is_planted:
            locked = memory.locked(state, index)
        if effect.call is not None and sends_signal(effect.call):
            target = _target(memory, state, index, effect.call)
    waiting = len(locals_) - len(views)
    return Moment.just_after(
        move, effect.call, effect.answer, views, waiting, disks=disks, target=target, locked=locked
    )


def breaks_nothing(memory: Memory, move: Move, effect: Effect) -> bool:
    """Whether a move can break no invariant, so that none needs checking; a referee does check."""
    if move.kind in MACHINE_FAULTS:
        return False
    return is_quiet(effect.call, memory.view(effect.after.locals[LETTERS.index(move.letter)]))


def _target(memory: Memory, state: State, index: int, call: Call) -> Target | None:
    local = memory.local(state.locals[index])
    path = None
    behind = descriptor(call)
    if behind is not None:
        path = next(file[1] for fd, file in memory.own(local)[1] if fd == behind)
    shared = memory.shared_state(state.shared)
    living = (local.letter, *(entry.letter for entry in shared.table))
    people = {letter: memory.machine.who(letter) for letter in living}
    return target_of(people, shared.disk, shared.strangers, local.letter, call, path)


def company(memory: Memory, state: State) -> tuple[str, ...]:
    """The company of a process that begins in a state in which all live processes own."""
    letters = company_of(memory.view(local) for local in state.locals if not memory.has_not_started(local))
    assert letters is not None
    return letters


def calls_left(memory: Memory, local: int) -> float:
    """How many calls a process makes in the loop in which it polls; 0 if it does not poll."""
    value, behaviour = memory.local(local), memory.behaviour
    key = (value.letter, value.life, value.history)
    length = behaviour.round_length(*key)
    return length * behaviour.loop(*key).rounds if length else 0


def waits_in(memory: Memory, local: int) -> str:
    """The call or the loop in which a process that cannot go on waits."""
    value = memory.local(local)
    if calls_left(memory, local) == inf:
        return memory.behaviour.polls_in(value.letter, value.life, value.history)
    return memory.pending(value).name


def moment_in(memory: Memory, state: State) -> Moment:
    """The moment of a state in which every live process waits; nothing has moved."""
    started = [local for local in state.locals if not memory.has_not_started(local)]
    views = [memory.view(local) for local in started]
    views = [
        view if view.outcome else view._replace(waits_in=waits_in(memory, local))
        for view, local in zip(views, started, strict=True)
    ]
    waiting = len(state.locals) - len(views)
    return Moment(Move(STEP), None, None, None, None, None, views, waiting, None)


def as_seen_alone(
    moment: Moment, letter: str, steps: int, company: tuple[str, ...], frozen: bool, waits_in: str
) -> Moment:
    """The moment of a process that runs alone; the search's states do not record these fields of it."""

    def mark(view: View) -> View:
        if view.letter != letter:
            return view
        return view._replace(alone=True, steps=steps, company=company, frozen=frozen, waits_in=waits_in)

    actor = mark(moment.actor) if moment.actor else None
    return moment._replace(actor=actor, processes=[mark(view) for view in moment.processes])
