"""The operators: what may become of one call of a process, and of which calls.

Each gets the call as it is about to be made and a way to make it, and answers what the code is told. An
operator that does not make a call answers as if it had been made: a write says that all is written.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from stateful.mutation.files import Files

Make = Callable[..., Any]
Args = tuple[Any, ...]

# What a process is told of a call of these if it succeeds: nothing, or how much was written.
SILENT_ANSWER: Final = frozenset(
    "chmod close fchmod fdatasync flock fsync ftruncate kill link lockf mkdir pidfd_send_signal pwrite "
    "rename rmdir symlink truncate unlink utime write".split()
)


class Operator(NamedTuple):
    """A kind of mistake.

    Attributes:
        title: the mistake in a few words, after the call: ``flock() skipped``.
        concerns: whether it can be made at a call.
        apply: makes it.
    """

    title: str
    concerns: Callable[[str, Args], bool]
    apply: Callable[[Make, Files, str, Args], Any]


def success(name: str, args: Args) -> Any:
    """What a process is told of a call that succeeds."""
    return len(args[1]) if name in ("write", "pwrite") else None


def _without(flag: str) -> Operator:
    bit = getattr(os, flag)

    def apply(make: Make, files: Files, name: str, args: Args) -> Any:
        path, flags, mode = args
        return make(name, path, flags & ~bit, mode)

    return Operator(f"without {flag}", lambda name, args: name == "open" and bool(args[1] & bit), apply)


def _is_skippable(name: str, args: Args) -> bool:
    return name in SILENT_ANSWER and not (name in ("kill", "pidfd_send_signal") and args[1] == 0)


def _skip(make: Make, files: Files, name: str, args: Args) -> Any:
    return success(name, args)


def _twice(make: Make, files: Files, name: str, args: Args) -> Any:
    answer = make(name, *args)
    with contextlib.suppress(OSError):
        make(name, *args)
    return answer


def _is_exclusive(name: str, args: Args) -> bool:
    return name in ("flock", "lockf") and bool(args[1] & fcntl.LOCK_EX)


def _share(make: Make, files: Files, name: str, args: Args) -> Any:
    fd, operation, *more = args
    return make(name, fd, operation & ~fcntl.LOCK_EX | fcntl.LOCK_SH, *more)


def _by_path(make: Make, files: Files, name: str, args: Args) -> Any:
    path = files.path(args[0])
    return make(name, *args) if path is None else make("stat", path, True)


def _as_before(make: Make, files: Files, name: str, args: Args) -> Any:
    known = files.before(name, args)
    return make(name, *args) if known is None else known[0]


OPERATORS: Final = (
    _without("O_EXCL"),
    _without("O_TRUNC"),
    _without("O_NOFOLLOW"),
    Operator("skipped", _is_skippable, _skip),
    Operator("twice", lambda name, args: name in ("unlink", "rmdir", "rename"), _twice),
    Operator("shared", _is_exclusive, _share),
    Operator("by path", lambda name, args: name == "fstat", _by_path),
    Operator("stale answer", lambda name, args: name in ("read", "pread", "stat", "fstat"), _as_before),
)
BY_TITLE: Final = {operator.title: operator for operator in OPERATORS}
LATE: Final = "after the next call"
IGNORES: Final = "takes {} for success"
