"""Polling: a process that repeats the same calls with the same answers, and whether it would do so for ever.

A deterministic process is a function of the answers to its calls. So another process that runs the same code
is given the same answers, and then those of the last round again and again, while a clock that it reads goes
on.

Simplified: a process that has made ``LONGEST_POLL`` calls so, or has waited for ten years by its clock, does
not end that. A round is judged by its calls and answers: one in which it draws a new name is none. An
iterator or a closure in which it counts is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from types import FunctionType, ModuleType, NoneType
from typing import Any, Final, NamedTuple

from stateful.kernel.state import SharedState
from stateful.model.call import Call
from stateful.model.disk import NO_DISK
from stateful.model.syscalls import SILENT
from stateful.model.usage import row
from stateful.python.interpreter import Interpreter
from stateful.python.switch import unwind
from stateful.run.running import run_to_call

LONGEST_ROUND: Final = 32  # calls, the silent ones included
LONGEST_POLL: Final = 2_000
LONGEST_WAIT_US: Final = 10 * 365 * 86_400 * 1_000_000


class Answered(NamedTuple):
    """A call and its answer."""

    call: Call
    answer: Any

    def is_like(self, other: Answered) -> bool:
        """Whether another call is the same and was answered the same, apart from what a clock says."""
        return self.call == other.call and (self.answer == other.answer or row(self.call).tells_time)


def is_repeated(round_: Sequence[Answered], again: Sequence[Answered]) -> bool:
    """Whether a round was repeated."""
    return all(one.is_like(other) for one, other in zip(round_, again, strict=True))


def round_length(calls: Sequence[Answered]) -> int:
    """The number of last calls that repeat those before them; 0 if none do."""
    for length in range(1, min(LONGEST_ROUND, len(calls) // 2) + 1):
        if not calls[-1].is_like(calls[-1 - length]):
            continue
        last = calls[-length:]
        if is_repeated(calls[-2 * length : -length], last) and any(
            each.call.name not in SILENT for each in last
        ):
            return length
    return 0


def in_words(round_: Sequence[Answered]) -> str:
    """A round as text, such as ``a loop of open and sleep``."""
    names = list(dict.fromkeys(row(each.call).shown or each.call.name for each in round_ if _is_step(each)))
    return f"a loop of {' and '.join([', '.join(names[:-1]), names[-1]] if names[1:] else names)}"


def _is_step(answered: Answered) -> bool:
    return answered.call.name not in SILENT


def seen_by_others(shared: SharedState) -> Any:
    """What the calls of a round may be about: it does not count how late it is, or what was looked at."""
    visible, clock = shared.disk.visible(), shared.clock._replace(monotonic=0)
    return visible, shared._replace(disk=NO_DISK, opens=(), clock=clock, labels=0, persistence=None)


class Loop(NamedTuple):
    """The loop in which a process polls.

    Attributes:
        rounds: how often it repeats the round if it gets the same answers: infinite if it never ends; about
            how often if that takes more time than it was given.
        counts: whether something in the process changes from round to round, so that rounds may differ in
            what they lead to.
    """

    rounds: float
    counts: bool


def loop_of(begin: Callable[[], Interpreter], calls: Sequence[Answered], length: int) -> Loop:
    """The loop of a process that has repeated the last of its calls, ``length`` of them.

    It never ends if it does so neither by a clock that goes on as before nor by one that goes ever faster: by
    the first alone a limit of days would not be reached, and by the second alone a pause may look like a
    suspension.

    Args:
        begin: makes a process of the same life, before its first call.
    """
    loop = _go_on(begin(), calls, length, faster=False)
    if loop.rounds == inf and any(row(each.call).tells_time for each in calls[-length:]):
        return Loop(_go_on(begin(), calls, length, faster=True).rounds, loop.counts)
    return loop


def _go_on(process: Interpreter, calls: Sequence[Answered], length: int, *, faster: bool) -> Loop:
    """The loop of a process by one of two clocks; the process is ended."""
    try:
        call = run_to_call(process)
        for each in calls:
            call = run_to_call(process, each.answer)
        round_, before = calls[-length:], calls[-2 * length : -length]
        timed = [pair for pair in zip(round_, before, strict=True) if row(pair[0].call).tells_time]
        pace = took = max([each.answer - other.answer for each, other in timed] + [1])
        late, rounds, counts, holds = pace, 0, False, held_by(process)
        while late < LONGEST_WAIT_US and rounds * length < LONGEST_POLL:
            for each in round_:
                if call != each.call:
                    return Loop(late / took if faster else rounds, counts)
                call = run_to_call(process, each.answer + late if row(call).tells_time else each.answer)
            if not rounds:  # If one round changes nothing, none does.
                counts = held_by(process) != holds
            rounds += 1
            pace *= 2 if faster else 1
            late += pace
        return Loop(inf, counts)
    finally:
        unwind([process])


def held_by(process: Interpreter) -> Any:
    """What the variables of a process hold: where its code is, its locals and its own globals."""
    frames, frame = [], process.gr_frame
    while frame is not None:
        if not frame.f_globals.get("__name__", "").startswith("stateful."):
            frames.append((frame.f_code.co_qualname, frame.f_lasti, _shape(dict(frame.f_locals), set())))
        frame = frame.f_back
    modules = [each for name, each in process.modules.items() if name.partition(".")[0] == process.subject]
    own = [{name: value for name, value in vars(each).items() if name[:2] != "__"} for each in modules]
    return frames, _shape(own, set())


def _shape(value: Any, around: set[int]) -> Any:
    """A value as far as it is plain or consists of what is."""
    if isinstance(value, str | bytes | int | float | NoneType):
        return value
    if isinstance(value, FunctionType | ModuleType | type) or id(value) in around:
        return type(value).__name__
    around = around | {id(value)}
    if isinstance(value, dict):
        return [(_shape(key, around), _shape(each, around)) for key, each in list(value.items())]
    if isinstance(value, list | tuple | set | frozenset):
        return [_shape(each, around) for each in list(value)]
    return type(value).__name__, _shape(dict(getattr(value, "__dict__", {})), around)
