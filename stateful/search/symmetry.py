"""Symmetry: processes with the same life are interchangeable, so states that differ by an exchange are one.

Exchanging two processes exchanges their letters, pids and start times wherever these occur: in the process
table, in locks, in file names and contents, and in every answer that a process got. Of all states that
result from exchanges, the search follows only the *canonical* one.

This is sound if the protocol compares pids only for equality and writes them in decimal. Whether the subject
does so is checked: in every local state that is met, also by a process that a question is asked of, the
process under each exchange must want to make the exchanged call next; a violation must be found again when it
is executed; and the paths to a sample of states are followed again without exchanges and must lead to the
same states. If a check fails, or if the subject draws random numbers, the search starts again without this
reduction.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from itertools import groupby, permutations, product
from typing import TYPE_CHECKING, Any, Final

from stateful.kernel.state import SharedState
from stateful.model.call import Call, Interrupted
from stateful.model.clock import START
from stateful.model.faults import INTERRUPTIONS, MACHINE_FAULTS, SIGNALS
from stateful.model.lifecycle import OWNER
from stateful.model.machine import TICKS_PER_S, Machine
from stateful.model.roles import Change, Role, exchanger
from stateful.model.schedule import ENDS_OF_SERVE, LETTERS, STEP, Move
from stateful.model.syscalls import SYSCALLS, Answer, Argument, Kind
from stateful.search.behaviour import STARTED, Intent
from stateful.search.digest import Digests
from stateful.search.memory import Memory
from stateful.search.search_state import NOT_STARTED, Local, State

if TYPE_CHECKING:
    from stateful.search.predecessors import Node

Exchange = tuple[int, ...]  # position i becomes position exchange[i]
NO_EXCHANGE: Final = -1  # stands for the identity, instead of the number of an exchange
LONGEST: Final = 1_000_000  # answers: the progress of an ended process; longer than any history


class Asymmetric(Exception):
    """The subject treats processes differently by their pid."""


class Symmetry:
    """The exchanges of a cast, and the images of states under them; remembered as numbers."""

    def __init__(self, memory: Memory, digests: Digests, lives: Sequence[str]) -> None:
        self.memory = memory
        self.digests = digests
        self._maps = [_Map(exchange, memory.machine) for exchange in _exchanges(lives)]
        self._exchange_shared = [exchanger(SharedState, mapping.changes) for mapping in self._maps]
        self._exchange_local = [
            exchanger(
                Local,
                mapping.changes | {Role.OWN: partial(self._own, mapping=mapping)},
            )
            for mapping in self._maps
        ]
        self._identity = tuple(range(len(lives)))
        self._start = memory.initial(tuple(lives))
        self._progress: dict[int, int] = {}
        self._in_order: dict[tuple[int, ...], list[int]] = {}
        self._shared: list[dict[int, int]] = [{} for _ in self._maps]
        self._locals: list[dict[int, int]] = [{} for _ in self._maps]
        self._checked: set[tuple[int, str, str, int]] = set()  # Exchange, letter, life and history.
        self._histories: list[dict[tuple[str, str, int], int]] = [{} for _ in self._maps]

    def canonical(self, state: State) -> tuple[State, Exchange]:
        """The canonical one of the states that differ by an exchange, and the exchange that leads to it.

        It gives the further-advanced process the lower letter: then the processes of one letter do much the
        same in all states, and less has to be remembered. Ties are decided by content and not by numbers,
        which depend on the order of the search: the number of states depends on the choice, because which
        steps do not branch depends on the letters.
        """
        known = self._progress
        progress = tuple(known[local] if local in known else self.meet(local) for local in state.locals)
        ties = self._in_order.get(progress) or self._put_in_order(progress)
        images = [self._exchanged(state, number) for number in ties]
        best = images[0] if len(images) == 1 else min(images, key=self._by_digest)
        number = ties[images.index(best)]
        return best, self._identity if number == NO_EXCHANGE else self._maps[number].exchange

    def meet(self, local: int) -> int:
        """How far a local state has got. The first time, raise Asymmetric unless its images do the same.

        Under every exchange, and not only under those that lead to canonical states: another process may
        always be further advanced, because this one waits for it.
        """
        progress = self._progress.get(local)
        if progress is None:
            for number, mapping in enumerate(self._maps):
                self._image_of_local(local, number, mapping)
            value = self.memory.local(local)
            length = LONGEST if value.outcome else self.memory.behaviour.length(max(value.history, 0))
            progress = self._progress[local] = NOT_STARTED if value.history == NOT_STARTED else length
        return progress

    def _put_in_order(self, progress: tuple[int, ...]) -> list[int]:
        """The exchanges that give further-advanced processes the lower letters."""
        images = {NO_EXCHANGE: progress}
        for number, mapping in enumerate(self._maps):
            image = [0] * len(progress)
            for old, new in enumerate(mapping.exchange):
                image[new] = progress[old]
            images[number] = tuple(image)
        most = max(images.values())
        self._in_order[progress] = [number for number in images if images[number] == most]
        return self._in_order[progress]

    def _exchanged(self, state: State, number: int) -> State:
        if number == NO_EXCHANGE:
            return state
        mapping = self._maps[number]
        shared = self._image_of_shared(state.shared, number)
        return State(shared, self._image_of_locals(state.locals, number, mapping))

    def _by_digest(self, state: State) -> tuple[bytes, ...]:
        return self.digests.shared(state.shared), *self.digests.locals(state.locals)

    def check(self, node: Node, moves: Sequence[Move]) -> None:
        """Raise Asymmetric if the moves to a node lead to another state when no process is exchanged."""
        state = self._start
        for move in moves:
            effect = self.memory.effect(state, move) if self._is_possible(state, move) else None
            if effect is None:
                raise Asymmetric
            state = effect.after
        if self.canonical(state)[0] != self.canonical(node.state)[0]:
            raise Asymmetric

    def _is_possible(self, state: State, move: Move) -> bool:
        """Whether a process is in a state to make a move, or to meet it; true of what concerns no process."""
        if move.kind in MACHINE_FAULTS:
            return True
        local = state.locals[LETTERS.index(move.letter)]
        if self.memory.has_not_started(local):
            return move.kind == STEP or move.kind in SIGNALS or move.kind in INTERRUPTIONS
        view = self.memory.view(local)
        if view.outcome is not None:
            return False
        entry = self.memory.entry(state, move.letter)
        if move.kind in ENDS_OF_SERVE:
            return view.phase == OWNER and not entry.signals and not entry.stopped
        return not (move.steps and entry.stopped)

    def role(self, local: int) -> bytes:
        """Canonical digest of a local state: the minimum over all processes with the same life."""
        images = (self._image_of_local(local, number, mapping) for number, mapping in enumerate(self._maps))
        return min(self.digests.locals([local, *images]))

    def _image_of_shared(self, shared: int, number: int) -> int:
        image = self._shared[number].get(shared)
        if image is None:
            before = self.memory.shared_state(shared)
            if any(order for _, order in before.orders):  # Exchanged names would be listed in another order.
                raise Asymmetric
            value = self._exchange_shared[number](before)
            image = self._shared[number][shared] = self.memory.numbers.shared(value)
        return image

    def _image_of_locals(self, locals_: tuple[int, ...], number: int, mapping: _Map) -> tuple[int, ...]:
        images = [0] * len(locals_)
        known = self._locals[number]
        for position, local in enumerate(locals_):
            images[mapping.exchange[position]] = known[local]
        return tuple(images)

    def _image_of_local(self, local: int, number: int, mapping: _Map) -> int:
        """The image of a local state. Raises Asymmetric unless it does what the process does."""
        known = self._locals[number].get(local)
        if known is None:
            value = self.memory.local(local)
            image: Local = self._exchange_local[number](value)
            image = image._replace(history=self._history(value, value.history, number, mapping))
            if value.own != NOT_STARTED:
                self._check(value, image, number, mapping)
            known = self._locals[number][local] = self.memory.numbers.local(image)
        return known

    def _own(self, own: int, mapping: _Map) -> int:
        return (
            NOT_STARTED
            if own == NOT_STARTED
            else self.memory.numbers.own(mapping.value(self.memory.numbers.own.values[own]))
        )

    def _history(self, value: Local, history: int, number: int, mapping: _Map) -> int:
        """The image of a history of the process of a local state."""
        behaviour, known = self.memory.behaviour, self._histories[number]
        missing = []
        while history not in (STARTED, NOT_STARTED) and (value.letter, value.life, history) not in known:
            missing.append(history)
            history, _ = behaviour.last_answer(history)
        image = known.get((value.letter, value.life, history), history)
        for each in reversed(missing):
            earlier, answer = behaviour.last_answer(each)
            call = behaviour.intent(value.letter, value.life, earlier).call
            image = behaviour.extended(image, mapping.answer(call, answer))
            known[value.letter, value.life, each] = image
        return image

    def _check(self, value: Local, image: Local, number: int, mapping: _Map) -> None:
        """Raise Asymmetric unless the image does what the process does, from the first call on.

        The earliest is asked first: an answer means nothing to a process that made another call, or ended.
        """
        behaviour = self.memory.behaviour
        history, alike = value.history, image.history
        unchecked = []
        while (number, value.letter, value.life, history) not in self._checked:
            unchecked.append((history, alike))
            if history == STARTED:
                break
            history, alike = behaviour.last_answer(history)[0], behaviour.last_answer(alike)[0]
        for history, alike in reversed(unchecked):
            wants = behaviour.intent(value.letter, value.life, history)
            expected = Intent(mapping.call(wants.call), wants.phase, wants.owned)
            if behaviour.draws_random or behaviour.intent(image.letter, image.life, alike) != expected:
                raise Asymmetric
            self._checked.add((number, value.letter, value.life, history))


class _Map:
    """The image of every kind of value under one exchange."""

    def __init__(self, exchange: Exchange, machine: Machine) -> None:
        self.exchange = exchange
        moved = [(old, new) for old, new in enumerate(exchange) if old != new]
        self.letters = {LETTERS[old]: LETTERS[new] for old, new in moved}
        pairs = [(machine.who(LETTERS[old]), machine.who(LETTERS[new])) for old, new in moved]
        self._pids = {old.pid: new.pid for old, new in pairs if old.pid != new.pid}
        self._ticks = {old.start_ticks: new.start_ticks for old, new in pairs}
        words = {str(old): str(new) for old, new in (self._pids | self._ticks).items()}
        words |= {_centiseconds(old): _centiseconds(new) for old, new in self._ticks.items()}
        self._words = words
        self._bytes = {old.encode(): new.encode() for old, new in words.items()}
        pattern = rf"(?<![0-9])({'|'.join(sorted(words))})(?![0-9])"
        self._in_text = re.compile(pattern)
        self._in_bytes = re.compile(pattern.encode())
        self.changes: dict[Role, Change] = {
            Role.LETTER: lambda letter: self.letters.get(letter, letter),
            Role.PID: lambda pid: self._pids.get(pid, pid),
            Role.TICKS: lambda ticks: self._ticks.get(ticks, ticks),
            Role.TEXT: self.value,
            Role.VALUE: self.answered,
        }

    def value(self, value: Any) -> Any:
        """The image of an answer or a part of a state, with the pids and start times in it replaced."""
        if isinstance(value, bytes):
            return self._in_bytes.sub(lambda match: self._bytes[match[0]], value)
        if isinstance(value, str):
            return self._in_text.sub(lambda match: self._words[match[0]], value)
        if type(value) is tuple:
            return tuple(self.value(each) for each in value)
        return value

    def answer(self, call: Call, answer: Any) -> Any:
        """The image of the answer to a call; the kernel sorts the names of a folder, and the pids."""
        if isinstance(answer, Interrupted):
            return Interrupted(self.answer(call, answer.answer), answer.number)
        image = self.value(answer)
        is_listing = SYSCALLS[call.name].answer is Answer.NAMES and type(image) is tuple
        return tuple(sorted(image)) if is_listing else image

    def call(self, call: Call) -> Call:
        """The image of a call: its pid arguments, and the pids and start times in its texts and contents."""
        return Call(call.name, tuple(map(self._argument, SYSCALLS[call.name].arguments, call.args)))

    def _argument(self, argument: Argument, value: Any) -> Any:
        if argument.kind is Kind.PID:
            return self._pids.get(value, value) if value > 0 else -self._pids.get(-value, -value)
        if argument.kind is Kind.OUTCOME:
            return value._replace(value=self.answered(value.value))
        return self.value(value)

    def answered(self, value: Any) -> Any:
        """The image of an outcome's value, which may be a pid."""
        return self._pids.get(value, value) if isinstance(value, int) else self.value(value)


def _centiseconds(ticks: int) -> str:
    """A start time as psutil reports it, as text."""
    return str(START.boot_time_s * 100 + ticks * 100 // TICKS_PER_S)


def _exchanges(lives: Sequence[str]) -> list[Exchange]:
    """Every exchange of positions with the same life, except the identity."""
    positions = sorted(range(len(lives)), key=lambda position: lives[position])
    groups = [list(group) for _, group in groupby(positions, key=lambda position: lives[position])]
    exchanges = []
    for choice in product(*(permutations(group) for group in groups)):
        exchange = list(range(len(lives)))
        for group, image in zip(groups, choice, strict=True):
            for old, new in zip(group, image, strict=True):
                exchange[old] = new
        exchanges.append(tuple(exchange))
    return [exchange for exchange in exchanges if exchange != tuple(range(len(lives)))]
