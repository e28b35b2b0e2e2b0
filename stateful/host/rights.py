"""What a real process is on the host: its user, its name, its command line; and that it dies with its parent.

Where the harness runs as root, its processes do not: so permission bits count for them, and they cannot
signal processes of root. Between two calls, while the code of a subject runs, which only reads the library,
the process has root's rights again, since an ordinary user may not be allowed to read root's Python.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Sequence
from typing import Final

from stateful.model.machine import ROOT

_SET_DEATH_SIGNAL, _SET_DUMPABLE, _SET_NAME = 1, 4, 15  # of prctl(2)
_ARG_START, _ARG_END = 45, 46  # fields of /proc/self/stat, counted from behind the name
_libc: Final = ctypes.CDLL(None, use_errno=True)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, or has died already."""
    _libc.prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


class Rights:
    """The rights of a process, which can switch between root's and an ordinary user's."""

    def __init__(self, parent: int, uid: int) -> None:
        """Become a user, or stay root."""
        self._parent = parent
        self._uid = uid
        self._changes = os.getuid() == ROOT and uid != ROOT
        if os.getuid() == ROOT:
            os.setgroups(())
        if self._changes:
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, ROOT)
        self._settle()

    def take(self) -> None:
        """Take root's rights."""
        if self._changes:
            os.seteuid(ROOT)

    def drop(self) -> None:
        """Go back to the user's rights."""
        if self._changes:
            os.seteuid(self._uid)
            self._settle()

    def _settle(self) -> None:
        """Set again what Linux resets when a process changes its user."""
        _libc.prctl(_SET_DUMPABLE, 1)
        die_with(self._parent)


def be_called(argv: Sequence[str]) -> None:
    """Take another command line, as long as the one that this process was started with."""
    wanted = b"".join(os.fsencode(argument) + b"\0" for argument in argv)
    with open("/proc/self/stat", "rb") as file:
        fields = file.read().rpartition(b")")[2].split()
    start, end = int(fields[_ARG_START]), int(fields[_ARG_END])
    assert end - start == len(wanted), (end - start, len(wanted))
    ctypes.memmove(start, wanted, len(wanted))
    _libc.prctl(_SET_NAME, os.fsencode(argv[0].rsplit("/", 1)[-1]))


def stand_in(argv: Sequence[str]) -> list[str]:
    """A stand-in of the same length, for a Python that reads its program from standard input."""
    return ["-" * (sum(len(os.fsencode(argument)) + 1 for argument in argv) - 1)]
