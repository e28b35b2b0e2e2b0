"""What a call does with its arguments as they are: what the rows of ``syscalls`` say of it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from typing import Any

from stateful.model.call import Call
from stateful.model.faults import SHORT
from stateful.model.syscalls import NOTHING, SIGNALLING, SYSCALLS, Kind, Syscall, Use


def row(call: Call) -> Syscall:
    """What is said of a call."""
    return SYSCALLS[call.name]


def uses(call: Call) -> Iterator[tuple[Kind, Any, Use]]:
    """What a call does, with its arguments as they are, to each file that one of them names.

    The kind is PATH or FD. Whether ``open`` makes or cuts a file its flags say.
    """
    for argument, value in zip(SYSCALLS[call.name].arguments, call.args, strict=False):
        kind, use = argument.kind, argument.use
        if kind is Kind.FILE:
            kind = Kind.PATH if isinstance(value, str) else Kind.FD
        if kind is Kind.PATH or kind is Kind.FD:
            yield kind, value, use | _by_flags(call) if kind is Kind.PATH else use


def _by_flags(call: Call) -> Use:
    """What else ``open`` does, by its flags."""
    if not SYSCALLS[call.name].has(Kind.FLAGS):
        return NOTHING
    flags = call.args[1]
    return (Use.MAKES if flags & os.O_CREAT else NOTHING) | (Use.CUTS if flags & os.O_TRUNC else NOTHING)


def use_of(call: Call) -> Use:
    """All that a call does, with its arguments as they are."""
    whole = NOTHING
    for _, _, use in uses(call):
        whole |= use
    return whole


def paths(call: Call, use: Use = ~NOTHING) -> tuple[str, ...]:
    """The paths among the arguments to which a call does any of some things."""
    return tuple(value for kind, value, done in uses(call) if kind is Kind.PATH and done & use)


def descriptor(call: Call) -> int | None:
    """The descriptor that is the first argument of a call; None where that is none."""
    first = next(iter(SYSCALLS[call.name].arguments), None)
    is_one = first is not None and first.kind in (Kind.FD, Kind.FILE) and isinstance(call.args[0], int)
    return call.args[0] if is_one else None


def descriptors(call: Call) -> tuple[int, ...]:
    """Every descriptor among the arguments, but those that are only waited for."""
    return tuple(value for kind, value, _ in uses(call) if kind is Kind.FD)


def pid(call: Call) -> int | None:
    """The pid that a call is about; 0 and negative ones name groups."""
    number: int | None = argument_of(call, Kind.PID)
    return number


def signal_sent(call: Call) -> int:
    """The signal that a call sends; 0, which only asks whether a process is there, where it sends none."""
    return int(call.args[1]) if call.name in SIGNALLING else 0


def sends_signal(call: Call) -> bool:
    """Whether a call sends a signal, beside the one that only asks."""
    return signal_sent(call) != 0


def takes_lock(call: Call) -> bool:
    """Whether a call takes a lock, be it a shared one."""
    operation = argument_of(call, Kind.OPERATION)
    return operation is not None and not operation & fcntl.LOCK_UN


def is_exclusive_open(call: Call) -> bool:
    """Whether a call makes a file, and fails where there is one."""
    return SYSCALLS[call.name].has(Kind.FLAGS) and bool(call.args[1] & os.O_EXCL)


def faults_of(call: Call) -> tuple[str, ...]:
    """The faults that may befall a call."""
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
    """The bytes that a call has among its arguments; None where it has none."""
    data: bytes | None = argument_of(call, Kind.DATA)
    return data


def argument_of(call: Call, kind: Kind) -> Any:
    """The first argument of a kind; None where a call has none."""
    return next((value for value, _ in _of_kind(call, kind)), None)


def with_argument(call: Call, kind: Kind, value: Any) -> Call:
    """The call with another argument of a kind."""
    args = list(call.args)
    for _, at in _of_kind(call, kind):
        args[at] = value
    return Call(call.name, tuple(args))


def source_of(call: Call) -> tuple[int, int | None, int]:
    """What a call copies from: a descriptor, the position there or None for its own, the size at most.

    The position is the first of two.
    """
    (source,) = (value for kind, value, use in uses(call) if kind is Kind.FD and use & Use.READS)
    return source, argument_of(call, Kind.POSITION), argument_of(call, Kind.SIZE)


def cut_short(call: Call, size: int) -> Call:
    """The call that writes only so many bytes."""
    data = data_of(call)
    if data is not None:
        return with_argument(call, Kind.DATA, data[:size])
    return with_argument(call, Kind.SIZE, min(argument_of(call, Kind.SIZE), size))


def _of_kind(call: Call, kind: Kind) -> Iterator[tuple[Any, int]]:
    """The arguments of a kind, and where they stand."""
    for at, (argument, value) in enumerate(zip(SYSCALLS[call.name].arguments, call.args, strict=False)):
        if argument.kind is kind:
            yield value, at
