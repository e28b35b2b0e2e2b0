"""What one call does, given its arguments: derived from its row in ``syscalls``."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from typing import Any

from stateful.model.call import Call
from stateful.model.faults import SHORT
from stateful.model.syscalls import CHANGES, NOTHING, SIGNALLING, SYSCALLS, Answer, Kind, Syscall, Use


def row(call: Call) -> Syscall:
    """The row of a call."""
    return SYSCALLS[call.name]


def uses(call: Call) -> Iterator[tuple[Kind, Any, Use]]:
    """What a call does to each file that one of its arguments names.

    The kind is PATH or FD. The flags of ``open`` say whether it makes or cuts the file.
    """
    for argument, value in zip(SYSCALLS[call.name].arguments, call.args, strict=False):
        kind, use = argument.kind, argument.use
        if kind is Kind.FILE:
            kind = Kind.PATH if isinstance(value, str) else Kind.FD
        if kind is Kind.PATH or kind is Kind.FD:
            yield kind, value, use | _by_flags(call) if kind is Kind.PATH else use


def _by_flags(call: Call) -> Use:
    """What ``open`` does beside its row, by its flags."""
    if not SYSCALLS[call.name].has(Kind.FLAGS):
        return NOTHING
    flags = call.args[1]
    return (Use.MAKES if flags & os.O_CREAT else NOTHING) | (Use.CUTS if flags & os.O_TRUNC else NOTHING)


def use_of(call: Call) -> Use:
    """Everything that a call does to files."""
    whole = NOTHING
    for _, _, use in uses(call):
        whole |= use
    return whole


def paths(call: Call, use: Use = ~NOTHING) -> tuple[str, ...]:
    """The paths among the arguments of a call to which it does at least one of the given things."""
    return tuple(value for kind, value, done in uses(call) if kind is Kind.PATH and done & use)


def listed_folder(call: Call) -> str | None:
    """The folder whose names a call answers; None if it answers no names of a folder."""
    return next(iter(paths(call, Use.LISTS)), None) if row(call).answer is Answer.NAMES else None


def descriptor(call: Call) -> int | None:
    """The descriptor that is the first argument of a call; None if that is no descriptor."""
    first = next(iter(SYSCALLS[call.name].arguments), None)
    is_one = first is not None and first.kind in (Kind.FD, Kind.FILE) and isinstance(call.args[0], int)
    return call.args[0] if is_one else None


def descriptors(call: Call) -> tuple[int, ...]:
    """Every descriptor among the arguments, except those that the call only waits for."""
    return tuple(value for kind, value, _ in uses(call) if kind is Kind.FD)


def pid(call: Call) -> int | None:
    """The pid that a call is about; 0 and negative numbers name groups."""
    number: int | None = argument_of(call, Kind.PID)
    return number


def signal_sent(call: Call) -> int:
    """The signal that a call sends; 0 if it sends none or only checks that the process exists."""
    return int(call.args[1]) if call.name in SIGNALLING else 0


def sends_signal(call: Call) -> bool:
    """Whether a call sends a signal; signal 0, which only checks that a process exists, does not count."""
    return signal_sent(call) != 0


def changes_something(call: Call) -> bool:
    """Whether a call may change what other processes see, beside the process table."""
    return bool(use_of(call) & CHANGES) or sends_signal(call)


def takes_lock(call: Call) -> bool:
    """Whether a call takes a lock, shared or exclusive."""
    operation = argument_of(call, Kind.OPERATION)
    return operation is not None and not operation & fcntl.LOCK_UN


def is_exclusive_open(call: Call) -> bool:
    """Whether a call makes a file, and fails if the file exists."""
    return SYSCALLS[call.name].has(Kind.FLAGS) and bool(call.args[1] & os.O_EXCL)


def faults_of(call: Call) -> tuple[str, ...]:
    """The faults that may be injected into a call."""
    faults = SYSCALLS[call.name].faults
    if not faults:
        return ()
    if SYSCALLS[call.name].has(Kind.FLAGS):
        path, flags = call.args[:2]
        if path.startswith("/proc/"):
            return tuple(fault for fault in faults if fault in ("eacces", "emfile"))
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        never = {*(() if writes else ("erofs",)), *(() if flags & os.O_CREAT else ("enospc",))}
        return tuple(fault for fault in faults if fault not in never)
    data = data_of(call)
    if data is not None and len(data) < 2:
        return tuple(fault for fault in faults if fault != SHORT)
    if SYSCALLS[call.name].sends_signal and not sends_signal(call):
        return ()
    return faults


def data_of(call: Call) -> bytes | None:
    """The bytes among the arguments of a call; None if there are none."""
    data: bytes | None = argument_of(call, Kind.DATA)
    return data


def argument_of(call: Call, kind: Kind) -> Any:
    """The first argument of a kind; None if a call has none."""
    return next((value for value, _ in _of_kind(call, kind)), None)


def finds_the_end(call: Call) -> bool:
    """Whether a call answers a position that depends on the content: the end, the next hole, or data."""
    return argument_of(call, Kind.WHENCE) not in (None, os.SEEK_SET, os.SEEK_CUR)


def tells_time(call: Call) -> bool:
    """Whether an answer depends on a clock. The status of a file of ``/proc`` does: its times are now."""
    said = SYSCALLS[call.name]
    return said.tells_time or said.answer is Answer.STATUS


def with_argument(call: Call, kind: Kind, value: Any) -> Call:
    """The call with its argument of a kind replaced."""
    args = list(call.args)
    for _, at in _of_kind(call, kind):
        args[at] = value
    return Call(call.name, tuple(args))


def source_of(call: Call) -> tuple[int, int | None, int]:
    """The source of a copying call: descriptor, position (None for its current one) and largest size.

    The position is the first of two.
    """
    (source,) = (value for kind, value, use in uses(call) if kind is Kind.FD and use & Use.READS)
    return source, argument_of(call, Kind.POSITION), argument_of(call, Kind.SIZE)


def cut_short(call: Call, size: int) -> Call:
    """The call, cut down so that it writes only this many bytes."""
    data = data_of(call)
    if data is not None:
        return with_argument(call, Kind.DATA, data[:size])
    return with_argument(call, Kind.SIZE, min(argument_of(call, Kind.SIZE), size))


def _of_kind(call: Call, kind: Kind) -> Iterator[tuple[Any, int]]:
    """The arguments of a kind, and their positions."""
    for at, (argument, value) in enumerate(zip(SYSCALLS[call.name].arguments, call.args, strict=False)):
        if argument.kind is kind:
            yield value, at
