"""A machine: its properties, and the processes on it beside those of the subject."""

from __future__ import annotations

from typing import Final, NamedTuple

from stateful.model.roles import Letter, Number, Pid, Text, Ticks

FIRST_PID: Final = 101
START_TICKS: Final = 5000  # of the first process; each starts a tick after the one before it
DEAD_PID: Final = 99  # of the process that a scenario's record names
DEAD_TICKS: Final = 1000
BOOT_ID: Final = "6c1f2b9e-3f6d-4b0e-9a51-7d3c5e8f0a4"  # followed by a number that each boot increases
TICKS_PER_S: Final = 100

USER: Final = 1000  # the default uid
ROOT: Final = 0
# The folders that every machine has: their permission bits, and whose they are.
FOLDERS: Final = {
    "": (0o755, ROOT),
    "/home": (0o755, ROOT),
    "/home/user": (0o755, USER),
    "/run": (0o755, ROOT),
    "/run/user": (0o755, ROOT),
    f"/run/user/{USER}": (0o700, USER),
    "/tmp": (0o1777, ROOT),
}


class Stranger(NamedTuple):
    """A process that does not run the subject and only has an identity.

    Attributes:
        zombie: it has ended, and its parent has not reaped it.
        namespace: its pid namespace: see ``Machine.who``.
    """

    pid: Pid
    start_ticks: Ticks
    argv: tuple[Text, ...]
    uid: Number = USER
    stopped: bool = False
    zombie: bool = False
    namespace: Letter = ""


class Identity(NamedTuple):
    """What identifies a process of the subject."""

    pid: int
    start_ticks: int
    uid: int
    namespace: str


class Machine(NamedTuple):
    """A machine before any process of the subject runs.

    Attributes:
        strangers: the other processes on it.
        proc: whether it has ``/proc`` and pidfds; without them psutil is the way to look at processes.
        reaps: whether a process that ends is reaped; otherwise it stays in the table as a zombie.
        containers: whether each process of the subject is alone in a pid namespace, in which it is pid 1.
            The namespaces share the file system and its locks, and the boot.
        together: the letters of processes that started in the same clock tick.
        foreign: the letters of processes that run as root, which others may not signal.
        program: the program of the processes of the subject in their command lines; empty for the usual one.
        reuses_inodes: whether the next new file gets the inode number of a removed one.
        umask: of each process of the subject at its start.
    """

    strangers: tuple[Stranger, ...] = ()
    proc: bool = True
    reaps: bool = True
    containers: bool = False
    together: str = ""
    foreign: str = ""
    program: tuple[str, ...] = ()
    reuses_inodes: bool = False
    umask: int = 0o022

    def who(self, letter: str) -> Identity:
        """The identity of the process with a letter."""
        index = ord(letter) - ord("A")
        ticks = START_TICKS + (0 if letter in self.together else index)
        return Identity(
            1 if self.containers else FIRST_PID + index,
            ticks,
            ROOT if letter in self.foreign else USER,
            letter if self.containers else "",
        )

    @property
    def interchangeable(self) -> bool:
        """Whether exchanging two processes of the same life changes only letters, pids and start times."""
        return not (self.together or self.foreign)


MACHINE: Final = Machine()
