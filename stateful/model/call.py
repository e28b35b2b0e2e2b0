"""What a process and the kernel exchange: a call, its answer, or why it cannot be made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple


class Call(NamedTuple):
    """A call that a process wants to make: its name in the table of syscalls, and canonical arguments.

    Arguments are hashable and mean the same in every execution: virtual paths, descriptor numbers
    of this process, bytes.
    """

    name: str
    args: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Errno:
    """The answer to a call that failed. Equal to no tuple, nor to a signal of the same number."""

    code: int


class Blocked:
    """The answer to a call that cannot be made now; the process waits until it can."""

    def __repr__(self) -> str:
        return "BLOCKED"


BLOCKED: Final = Blocked()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A signal delivered to a process, whose handler runs before its next call."""

    number: int


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The answer to a call during which a signal arrived: its handler runs before the call returns."""

    answer: Any
    number: int


class Outside(NamedTuple):
    """A request to do something that no process can observe, such as importing json."""

    function: Any
    args: tuple[Any, ...]


class UnmodelledSyscall(Exception):
    """The subject did something that the kernel does not model, so that no verdict is possible."""


class SubjectStuck(UnmodelledSyscall):
    """The subject computed for too long without making a call."""

    def __str__(self) -> str:
        return f"{super().__str__()}; let it call time.sleep() while it waits, and leave out computations"
