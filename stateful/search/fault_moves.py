"""Which faults of a family may happen in a state: the moves by which the exhaustive search tries them all.

A scenario's plan names families and not faults, so that no fault of a family is forgotten. The power losses,
of which each image is to be tried once, are in ``stateful.search.power_losses``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from stateful.model.disk import home_files
from stateful.model.machine import DEAD_PID
from stateful.model.schedule import Move
from stateful.model.usage import faults_of
from stateful.search.memory import Memory
from stateful.search.moments import alive
from stateful.search.search_state import State

Family = Callable[[Memory, State], Iterator[Move]]

CORRUPTIONS: Final = ("empty", "torn", "minus-one", "directory", "link")
CLOCK_STEPS_S: Final = ("+3600", "-3600")
ERRNO: Final = "errno"
SIGTERM: Final = "sigterm"


def fault_moves(memory: Memory, state: State, family: str, letter: str | None = None) -> list[Move]:
    """Every fault of a family that may happen now.

    With a letter only those that a hidden step of that process does not commute with: a fault of its next
    call, and a signal that it handles.
    """
    if letter is None:
        return list(FAMILIES[family](memory, state))
    if family == SIGTERM:
        # The handler may be one that the hidden step lets the process do without, or that makes it fail.
        handles = any(how == "handler" for _, how in memory.entry(state, letter).dispositions)
        return [Move("term", letter)] if handles else []
    if family != ERRNO:
        return []
    return [move for move in _errnos(memory, state) if move.letter == letter]


def _signal(kind: str) -> Family:
    def moves(memory: Memory, state: State) -> Iterator[Move]:
        for letter in alive(memory, state):
            yield Move(kind, letter)

    return moves


def _errnos(memory: Memory, state: State) -> Iterator[Move]:
    """Every errno with which the next call of any process may fail."""
    for index, number in enumerate(state.locals):
        view = memory.view(number)
        born = state
        if memory.is_unborn(number):
            effect = memory.effect(state, Move(memory.local(number).life, view.letter))
            assert effect is not None
            born = effect.after
        local = memory.local(born.locals[index])
        if local.outcome is not None:
            continue
        entry = memory.entry(born, view.letter)
        if not entry.signals and not entry.stopped:
            for fault in faults_of(memory.pending(local)):
                yield Move(fault, view.letter)


def _recycled(memory: Memory, state: State) -> Iterator[Move]:
    """The pid of each process that has ended goes to somebody else."""
    dead = [view.letter for view in map(memory.view, state.locals) if view.outcome is not None]
    for kind in ("recycle", "lookalike"):
        for letter in dead:
            yield Move(kind, letter)
        yield Move(kind, "", str(DEAD_PID))


def _removed(memory: Memory, state: State) -> Iterator[Move]:
    for name in home_files(memory.disk(state)):
        yield Move("remove", "", name)


def _corrupted(memory: Memory, state: State) -> Iterator[Move]:
    for name in home_files(memory.disk(state)):
        for how in CORRUPTIONS:
            yield Move("corrupt", "", f"{name}={how}")


def _named(*faults: tuple[str, str]) -> Family:
    def moves(memory: Memory, state: State) -> Iterator[Move]:
        for kind, detail in faults:
            yield Move(kind, "", detail)

    return moves


FAMILIES: Final[dict[str, Family]] = {
    "kill": _signal("crash"),
    SIGTERM: _signal("term"),
    "sigstop": _signal("sigstop"),
    ERRNO: _errnos,
    "recycled-pid": _recycled,
    "reboot": _named(("reboot", "")),
    "removal": _removed,
    "corruption": _corrupted,
    "bad-disk": _named(("disk-full", ""), ("read-only", "")),
    "lost-home": _named(("home-gone", ""), ("home-new", "")),
    "clock-step": _named(*(("clock", seconds) for seconds in CLOCK_STEPS_S)),
}


def recoveries(memory: Memory, state: State) -> Iterator[Move]:
    """What the world may do at any time to end a fault that lasts."""
    if memory.is_ailing(state):
        yield Move("disk-well")
    for entry in memory.shared_state(state.shared).table:
        if entry.stopped:
            yield Move("sigcont", entry.letter)
