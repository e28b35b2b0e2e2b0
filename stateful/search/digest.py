"""Digests of states and moves by their content: the same in every search, in whatever order it runs.

The numbers of ``stateful.search.search_state`` depend on the order in which values are first seen, so two
searches, or two parts of one, number the same state differently. Digests are computed from the values that
the numbers stand for.

Equal values have equal digests, because the search treats them as one: ``True`` equals ``1``, and a named
tuple equals a plain one. A value of an unknown kind is refused, because it might be written differently each
time: a set, or an object with an address.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from stateful.model.call import Delivery, Errno, Interrupted
from stateful.model.excuses import Excuse
from stateful.model.schedule import Move
from stateful.search.behaviour import STARTED
from stateful.search.memory import Memory
from stateful.search.search_state import NOT_STARTED

if TYPE_CHECKING:
    from stateful.search.predecessors import Node

SIZE: Final = 8  # bytes; among 100 million states the chance that two collide is 1 in 3,700


class Digests:
    """The digests of the states that one search remembers, each computed once."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._shared: dict[int, bytes] = {}
        self._locals: dict[int, bytes] = {}
        self._histories: dict[int, bytes] = {STARTED: b"born", NOT_STARTED: b"unborn"}

    def shared(self, number: int) -> bytes:
        """The digest of a shared state."""
        digest = self._shared.get(number)
        if digest is None:
            digest = self._shared[number] = _digest(self._memory.shared_state(number))
        return digest

    def locals(self, numbers: Sequence[int]) -> tuple[bytes, ...]:
        """The digests of local states."""
        known = self._locals
        return tuple(known.get(number) or self._local(number) for number in numbers)

    def node(self, node: Node) -> bytes:
        """The digest of a node."""
        state = node.state
        return joined(self.shared(state.shared), *self.locals(state.locals), b"%d" % node.exits)

    def move(self, node: Node, move: Move) -> bytes:
        """The digest of a move from a node."""
        return joined(self.node(node), str(move).encode())

    def _local(self, number: int) -> bytes:
        local = self._memory.local(number)
        own = None if local.own == NOT_STARTED else self._memory.own(local)
        rest = local._replace(history=0, own=0)  # the values behind these numbers are digested above
        digest = joined(self._history(local.history), _digest(own), _digest(rest))
        self._locals[number] = digest
        return digest

    def _history(self, history: int) -> bytes:
        """The digest of a history, computed from the first answer on."""
        told = []
        while history not in self._histories:
            earlier, answer = self._memory.behaviour.last_answer(history)
            told.append((history, answer))
            history = earlier
        digest = self._histories[history]
        for number, answer in reversed(told):
            digest = self._histories[number] = joined(digest, _digest(answer))
        return digest


def joined(*parts: bytes) -> bytes:
    """The digest of several digests."""
    return blake2b(b"/".join(parts), digest_size=SIZE).digest()


def _digest(value: Any) -> bytes:
    return blake2b(b"".join(_written(value)), digest_size=SIZE).digest()


def _written(value: Any) -> Iterator[bytes]:
    """A value as bytes, different for every two values that are not equal."""
    if value is None:
        yield b"~"
    elif isinstance(value, str):
        text = value.encode("utf-8", "surrogateescape")
        yield b"s%d:%b" % (len(text), text)
    elif isinstance(value, bytes):
        yield b"b%d:%b" % (len(value), value)
    elif isinstance(value, int):  # as True is, and signal.SIGTERM
        yield b"i%d;" % value
    elif isinstance(value, Excuse):
        yield from _written(str(value))
    elif isinstance(value, Errno | Delivery | Interrupted):
        yield type(value).__name__.encode()
        yield from _written(astuple(value))
    elif isinstance(value, tuple):
        yield b"(%d:" % len(value)
        for each in value:
            yield from _written(each)
    else:
        raise TypeError(f"{type(value).__name__}: it has no byte representation that is always the same")
