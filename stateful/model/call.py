"""The vocabulary between a process and the kernel: a call, what it answers, why it cannot be made."""

from __future__ import annotations

from typing import Any, Final, NamedTuple


class Call(NamedTuple):
    """One call a process wants to make: a name of the table of syscalls and canonical arguments.

    Arguments are hashable and mean the same in every execution: virtual paths, descriptor numbers
    of this process, bytes.
    """

    name: str
    args: tuple[Any, ...] = ()


class Errno(NamedTuple):
    """The answer of a call that failed."""

    code: int


class Blocked:
    """The answer of a call that cannot be made now; the process stays before it."""

    def __repr__(self) -> str:
        return "BLOCKED"


BLOCKED: Final = Blocked()


class Delivery(NamedTuple):
    """A signal handed to a process whose handler is to run before its next call."""

    number: int


class Outside(NamedTuple):
    """A request to do something that no process can observe or change, such as importing json."""

    function: Any
    args: tuple[Any, ...]


class UnmodelledSyscall(Exception):
    """The subject did something that the kernel does not model, so no verdict would mean anything."""


class SubjectStuck(UnmodelledSyscall):
    """The subject computed for too long without making a call."""

    def __str__(self) -> str:
        return f"{super().__str__()}; have it call time.sleep() where it waits, and leave out what computes"
