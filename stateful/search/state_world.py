"""A state of the search as the fault families see it: a ``World`` of ``stateful.model.families``."""

from __future__ import annotations

from stateful.model.call import Call
from stateful.model.disk import home_files
from stateful.model.images import DiskImage
from stateful.model.lifecycle import OWNER
from stateful.model.listing import keeps_order, names_in
from stateful.model.machine import SHELL
from stateful.model.moment import View
from stateful.model.schedule import LETTERS, STEP, Move
from stateful.model.usage import listed_folder
from stateful.search.memory import Memory
from stateful.search.moments import alive
from stateful.search.power_losses import PowerLosses
from stateful.search.search_state import State


class StateWorld:
    """The processes, files and disk images of a state, to which faults can be applied.

    Args:
        power: the power losses tried so far: each image is tried once.
    """

    def __init__(self, memory: Memory, state: State, power: PowerLosses) -> None:
        self._memory = memory
        self._state = state
        self._power = power

    @property
    def image(self) -> DiskImage:
        return self._memory.image

    def living(self) -> list[str]:
        return alive(self._memory, self._state)

    def stopped(self) -> list[str]:
        table = self._memory.shared_state(self._state.shared).table
        return [entry.letter for entry in table if entry.stopped]

    def ended(self) -> list[str]:
        views = map(self._memory.view, self._state.locals)
        return [view.letter for view in views if view.outcome is not None]

    def serving(self) -> list[str]:
        table = self._memory.shared_state(self._state.shared).table
        free = [entry.letter for entry in table if not entry.signals and not entry.stopped]
        return [letter for letter in free if self._view(letter).phase == OWNER]

    def waiting(self) -> list[str]:
        memory = self._memory
        unborn = (local for local in self._state.locals if memory.has_not_started(local))
        return [memory.view(local).letter for local in unborn]

    def handles(self, letter: str, number: int) -> bool:
        return self._memory.handles(self._begun(letter), letter, number)

    def callers(self) -> list[str]:
        return [self._memory.view(number).letter for number in self._state.locals]

    def next_call(self, letter: str) -> Call | None:
        """The next call of a process, even if the process has not started yet."""
        memory, state = self._memory, self._begun(letter)
        local = memory.local(state.locals[LETTERS.index(letter)])
        if local.outcome is not None:
            return None
        entry = memory.entry(state, letter)
        return None if entry.signals or entry.stopped else memory.pending(local)

    def _begun(self, letter: str) -> State:
        """The state, in which a process that has not had a turn is before its first call."""
        memory, state = self._memory, self._state
        local = state.locals[LETTERS.index(letter)]
        if not memory.has_not_started(local):
            return state
        effect = memory.effect(state, Move(memory.local(local).life, letter))
        assert effect is not None
        return effect.after

    def _view(self, letter: str) -> View:
        return self._memory.view(self._state.locals[LETTERS.index(letter)])

    def files(self) -> list[str]:
        return home_files(self._memory.disk(self._state))

    def images(self) -> list[str]:
        shared = self._memory.shared_state(self._state.shared)
        return [move.detail for move in self._power.moves(shared)]

    def listings(self) -> list[tuple[str, list[str]]]:
        """The folders of two names that a process is about to list, if their order is not known yet."""
        shared = self._memory.shared_state(self._state.shared)
        known = {folder for folder, _ in shared.orders}
        calls = filter(None, map(self.next_call, self.callers()))
        folders = dict.fromkeys(folder for folder in map(listed_folder, calls) if folder)
        found = ((each, names_in(shared.disk, each)) for each in folders if each not in known)
        return [(each, names) for each, names in found if len(names) > 1 and keeps_order(each)]

    def disk_fails(self) -> bool:
        return self._memory.disk_fails(self._state)

    def has_shell(self) -> bool:
        return SHELL in self._memory.shared_state(self._state.shared).strangers

    def is_at_rest(self) -> bool:
        return all(map(self._rests, self.living()))

    def _rests(self, letter: str) -> bool:
        memory, state = self._memory, self._state
        entry = memory.entry(state, letter)
        if memory.view(state.locals[LETTERS.index(letter)]).phase == OWNER:
            return not entry.signals
        waits = memory.effect(state, Move(STEP, letter)) is None
        return waits and not entry.stopped
