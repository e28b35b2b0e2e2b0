"""Kinds of acts: calls by which other processes notice a process. Drawn events happen just before one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from stateful.model.call import Call
from stateful.model.syscalls import Kind, Use
from stateful.model.usage import row, use_of

ACTS: Final[dict[str, Callable[[Call], bool]]] = {
    "open a file": lambda call: row(call).has(Kind.FLAGS),
    "make a name": lambda call: bool(use_of(call) & Use.MAKES),
    "take a name away": lambda call: bool(use_of(call) & Use.TAKES),
    "write": lambda call: bool(use_of(call) & Use.WRITES),
    "lock": lambda call: row(call).has(Kind.OPERATION),
    "signal": lambda call: row(call).sends_signal,
}
KINDS: Final = (*ACTS,)  # in the order from which they are drawn
