"""What a real process of the host is: its user, its name, its command line, and that it dies with its parent.

Where the harness runs as root, its processes do not: permission bits count for them, and they may not signal
who runs as root. While the code of a subject runs between two calls, which reads the library and nothing
else, root's rights are back, since an ordinary user may not be allowed to read root's Python.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Sequence
from typing import Final

from stateful.model.machine import ROOT, USER

_SET_DEATH_SIGNAL, _SET_DUMPABLE, _SET_NAME = 1, 4, 15  # of prctl(2)
_ARG_START, _ARG_END = 45, 46  # fields of /proc/self/stat, counted from behind the name
_libc: Final = ctypes.CDLL(None, use_errno=True)


def user() -> int:
    """As whom the processes of a subject run."""
    return USER if os.getuid() == ROOT else os.getuid()


def die_with(parent: int) -> None:
    """Be killed when the parent dies, were it already dead."""
    _libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


class Rights:
    """The rights of a process that may go back and forth between root's and an ordinary user's."""

    def __init__(self, parent: int, is_root: bool) -> None:
        """Be that user from now on, or root, whose files are the user's all the same."""
        self._parent = parent
        self._changes = os.getuid() == ROOT
        if self._changes:
            os.setgroups(())
            os.setresgid(USER, USER, USER)
            os.setresuid(ROOT if is_root else USER, USER, ROOT)
        self._settle()

    def take(self) -> None:
        """Have root's rights."""
        if self._changes:
            os.seteuid(ROOT)

    def drop(self) -> None:
        """Have the user's."""
        if self._changes:
            os.seteuid(USER)
            self._settle()

    def _settle(self) -> None:
        """Say again what Linux forgets when a process changes its user."""
        _libc.prctl(_SET_DUMPABLE, 1)
        die_with(self._parent)


def be_called(argv: Sequence[str]) -> None:
    """Have a command line, which is as long as the one that this process was started with."""
    wanted = b"".join(os.fsencode(argument) + b"\0" for argument in argv)
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
    assert end - start == len(wanted), (end - start, len(wanted))
    ctypes.memmove(start, wanted, len(wanted))
    _libc.prctl(_SET_NAME, os.fsencode(argv[0].rsplit("/", 1)[-1]))


def stand_in(argv: Sequence[str]) -> list[str]:
    """A command line of the same length, for a Python that reads its program from its standard input."""
    return ["-" * (sum(len(os.fsencode(argument)) + 1 for argument in argv) - 1)]
