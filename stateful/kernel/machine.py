"""What a machine is like, and who lives on it beside the subject."""

from __future__ import annotations

from typing import Final, NamedTuple

FIRST_PID: Final = 101
START_TICKS: Final = 5000  # of the first process; each starts a tick after the one before it
DEAD_PID: Final = 99  # of the process that a scenario's record names
DEAD_TICKS: Final = 1000


class Stranger(NamedTuple):
    """A process that runs nothing of the subject: it only has an identity."""

    pid: int
    start_ticks: int
    argv: tuple[str, ...]
    uid: int = 1000
    stopped: bool = False


class Machine(NamedTuple):
    """A machine before anybody of the subject runs.

    Attributes:
        strangers: who lives on it.
        proc: whether it has ``/proc`` and pidfds; where it has not, psutil is what tells of processes.
    """

    strangers: tuple[Stranger, ...] = ()
    proc: bool = True


MACHINE: Final = Machine()
