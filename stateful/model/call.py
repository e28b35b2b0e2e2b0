"""What a process and the kernel exchange: a call, its answer, or why it cannot be made."""

from __future__ import annotations

from typing import Any, Final, NamedTuple


class Call(NamedTuple):
    """A call that a process wants to make: its name in the table of syscalls, and canonical arguments.

    Arguments are hashable and mean the same in every execution: virtual paths, descriptor numbers
    of this process, bytes.
    """

    name: str
    args: tuple[Any, ...] = ()


class Errno(NamedTuple):
    """The answer to a call that failed."""

    code: int


class Blocked:
    """The answer to a call that cannot be made now; the process waits until it can."""

    def __repr__(self) -> str:
        return "BLOCKED"


BLOCKED: Final = Blocked()


class Delivery(NamedTuple):
    """A signal delivered to a process, whose handler runs before its next call.

    Attributes:
        what: makes it differ from the errno of the same number, since equal tuples are one answer: a process
            that was interrupted (SIGINT is 2) was taken for one whose call found nothing (ENOENT is 2, too).
    """

    number: int
    what: str = "signal"


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
