"""The mutation operators: which calls each applies to, and how it changes one call of a process.

Each gets the call that is about to be made and a function that makes it, and returns the answer for the code.
An operator that does not make the call returns the answer of a success: a write has written everything.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from stateful.model.call import Call
from stateful.model.syscalls import CHANGES, Answer, Kind, Use
from stateful.model.usage import argument_of, data_of, descriptor, row, sends_signal, use_of, with_argument
from stateful.mutation.file_history import Files

Make = Callable[[Call], Any]


class Operator(NamedTuple):
    """A kind of mistake.

    Attributes:
        title: the mistake in a few words, shown after the call: ``flock() skipped``.
        concerns: whether the mistake can be made at a call.
        apply: makes the mistake.
    """

    title: str
    concerns: Callable[[Call], bool]
    apply: Callable[[Make, Files, Call], Any]


def is_told_nothing(call: Call) -> bool:
    """Whether a call has an effect, and its answer says no more than that it succeeded.

    So the answer to a success is known beforehand: nothing, or the number of bytes written.
    """
    said = row(call)
    known = said.answer is Answer.NOTHING or data_of(call) is not None
    return known and bool(use_of(call) & CHANGES or said.syncs or said.sends_signal)


def success(call: Call) -> Any:
    """The answer of a call that succeeds."""
    data = data_of(call)
    return None if data is None else len(data)


def _without(flag: str) -> Operator:
    bit = getattr(os, flag)

    def concerns(call: Call) -> bool:
        return bool((argument_of(call, Kind.FLAGS) or 0) & bit)

    def apply(make: Make, files: Files, call: Call) -> Any:
        return make(with_argument(call, Kind.FLAGS, argument_of(call, Kind.FLAGS) & ~bit))

    return Operator(f"without {flag}", concerns, apply)


def _is_skippable(call: Call) -> bool:
    return is_told_nothing(call) and (sends_signal(call) or not row(call).sends_signal)


def _skip(make: Make, files: Files, call: Call) -> Any:
    return success(call)


def _takes_name_away(call: Call) -> bool:
    return bool(use_of(call) & Use.TAKES)


def _twice(make: Make, files: Files, call: Call) -> Any:
    answer = make(call)
    with contextlib.suppress(OSError):
        make(call)
    return answer


def _is_exclusive(call: Call) -> bool:
    return bool((argument_of(call, Kind.OPERATION) or 0) & fcntl.LOCK_EX)


def _share(make: Make, files: Files, call: Call) -> Any:
    operation = argument_of(call, Kind.OPERATION)
    return make(with_argument(call, Kind.OPERATION, operation & ~fcntl.LOCK_EX | fcntl.LOCK_SH))


def _is_look_at_descriptor(call: Call) -> bool:
    return row(call).answer is Answer.STATUS and descriptor(call) is not None


def _by_path(make: Make, files: Files, call: Call) -> Any:
    path = files.path(call)
    return make(call) if path is None else make(Call("stat", (path, True)))


def _is_look(call: Call) -> bool:
    return row(call).answer in (Answer.DATA, Answer.STATUS)


def _as_before(make: Make, files: Files, call: Call) -> Any:
    known = files.before(call)
    return make(call) if known is None else known[0]


OPERATORS: Final = (
    _without("O_EXCL"),
    _without("O_TRUNC"),
    _without("O_NOFOLLOW"),
    Operator("skipped", _is_skippable, _skip),
    Operator("twice", _takes_name_away, _twice),
    Operator("shared", _is_exclusive, _share),
    Operator("by path", _is_look_at_descriptor, _by_path),
    Operator("stale answer", _is_look, _as_before),
)
BY_TITLE: Final = {operator.title: operator for operator in OPERATORS}
LATE: Final = "after the next call"
IGNORES: Final = "takes {} for success"
