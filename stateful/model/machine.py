"""A machine: its properties, and the processes on it beside those of the subject."""

from __future__ import annotations

from posixpath import dirname
from typing import Final, NamedTuple

from stateful.model.roles import Letter, Number, Pid, Text, Ticks

LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # of the processes of the subject, in the order of their starts
FIRST_PID: Final = 101
LAST_PID: Final = 4_194_303  # on every machine of 64 bits; the next pid after it is 300
FIRST_PID_AGAIN: Final = 300
START_TICKS: Final = 5000  # of the first process; each starts a tick after the one before it
DEAD_PID: Final = 99  # of the process that a scenario's record names
DEAD_TICKS: Final = 1000
BOOT_ID: Final = "6c1f2b9e-3f6d-4b0e-9a51-7d3c5e8f0a4"  # followed by a number that each boot increases
TICKS_PER_S: Final = 100

USER: Final = 1000  # the default uid
GUEST: Final = 1001
ROOT: Final = 0
HOME: Final = "/home/user/.hermes"
OTHER_HOME: Final = "/home/user/.hermes-work"
LIKE_NAMED_HOME: Final = "/home/user/work/.hermes"
HOME_OF_GUEST: Final = "/home/guest/.hermes"
# As a shell, ``cron`` and ``su`` give their processes: another working directory, and other variables.
OTHER_FOLDER: Final = "/home/user"
OTHER_TEMPORARY: Final = "/tmp/user"
OTHER_RUNTIME: Final = f"/run/user/{USER}/snap"
# The folders that every machine has: their permission bits, and whose they are.
FOLDERS: Final = {
    "": (0o755, ROOT),
    "/home": (0o755, ROOT),
    "/home/user": (0o755, USER),
    "/run": (0o755, ROOT),
    "/run/user": (0o755, ROOT),
    f"/run/user/{USER}": (0o700, USER),
    "/tmp": (0o1777, ROOT),
    "/home/guest": (0o755, GUEST),
    f"/run/user/{GUEST}": (0o700, GUEST),
}


class Stranger(NamedTuple):
    """A process that does not run the subject and only has an identity.

    Attributes:
        zombie: it has ended, and its parent has not reaped it.
        namespace: its pid namespace: see ``Machine.who``.
        process: the pid of its process, if it is only a thread, whose id answers where a pid is looked up.
    """

    pid: Pid
    start_ticks: Ticks
    argv: tuple[Text, ...]
    uid: Number = USER
    stopped: bool = False
    zombie: bool = False
    namespace: Letter = ""
    process: Pid = 0


class Identity(NamedTuple):
    """What identifies a process of the subject."""

    pid: int
    start_ticks: int
    uid: int
    namespace: str
    home: str

    def unit(self, one_per: str) -> str:
        """The home, user or machine of which it may be the one owner: see ``ONE_PER``."""
        return {"home": self.home, "user": str(self.uid)}.get(one_per, "")


ONE_PER: Final = ("home", "user", "machine")  # of these a subject lets one owner live; the narrowest first


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
        homes: the letters of processes that run in another home.
        other: that home.
        elsewhere: the letters of processes that start in another working directory, with another ``TMPDIR``,
            ``XDG_RUNTIME_DIR`` and ``USER``.
        wraps: whether A gets the last pid, so that the pids of the others are shorter.
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
    homes: str = ""
    other: str = OTHER_HOME
    elsewhere: str = ""
    wraps: bool = False

    def who(self, letter: str) -> Identity:
        """The identity of the process with a letter."""
        index = ord(letter) - ord("A")
        ticks = START_TICKS + (0 if letter in self.together else index)
        home = self.other if letter in self.homes else HOME
        user = GUEST if home == HOME_OF_GUEST else USER
        return Identity(
            1 if self.containers else self.pid(index),
            ticks,
            ROOT if letter in self.foreign else user,
            letter if self.containers else "",
            home,
        )

    def pid(self, index: int) -> int:
        """The pid of the process that starts after so many others, in the first pid namespace."""
        if self.wraps:
            return FIRST_PID_AGAIN + index - 1 if index else LAST_PID
        return FIRST_PID + index

    def aimed_at(self, letter: str, detail: str) -> str:
        """What a fault is aimed at: the pid of the process with a letter, or what the fault says itself."""
        return str(self.pid(LETTERS.index(letter))) if letter else detail

    def order_of(self, pid: int) -> int | None:
        """After how many others the process with a pid starts; None if no process of the subject gets it."""
        return next((index for index in range(len(LETTERS)) if self.pid(index) == pid), None)

    @property
    def users(self) -> frozenset[int]:
        """The uids of the processes of the subject."""
        guests = {GUEST} if self.homes and self.other == HOME_OF_GUEST else set()
        return frozenset({USER, *guests, *({ROOT} if self.foreign else ())})

    @property
    def folders(self) -> dict[str, int]:
        """The folders that it has beside those of every machine, and whose they are."""
        other = (dirname(self.other), self.other) if self.homes else ()
        elsewhere = (OTHER_TEMPORARY, OTHER_RUNTIME) if self.elsewhere else ()
        uid = GUEST if self.other == HOME_OF_GUEST else USER
        made = dict.fromkeys(other, uid) | dict.fromkeys(elsewhere, USER)
        return {path: uid for path, uid in made.items() if path not in FOLDERS}

    @property
    def interchangeable(self) -> bool:
        """Whether exchanging two processes of the same life changes only letters, pids and start times."""
        return not (self.together or self.foreign or self.homes or self.elsewhere or self.wraps)


# The parent of all processes, which reaps them if any does. It ignores the signals that end others.
INIT: Final = Stranger(1, 0, ("/sbin/init",), ROOT)
# The parent of the processes of the subject where it lives: a shell in which all of them were started.
SHELL: Final = Stranger(90, 900, ("/bin/sh",))
MACHINE: Final = Machine()
