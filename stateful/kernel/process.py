"""A process as the kernel knows it: its identity, its files, its signals, and its pending call."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from stateful.model.life import plain
from stateful.model.lifecycle import STARTING, Outcome
from stateful.model.machine import MACHINE, OTHER_FOLDER, Machine

if TYPE_CHECKING:
    from stateful.kernel.files import OpenFile
    from stateful.model.call import Call

# How Python handles a signal unless the program says otherwise, where that is not the default.
PYTHON_DISPOSITIONS: dict[int, str] = {
    signal.SIGINT: "handler",
    signal.SIGPIPE: "ignored",
    signal.SIGXFSZ: "ignored",
}
NEVER_HANDLED: Final = frozenset({signal.SIGKILL, signal.SIGSTOP})  # whatever a process says


def disposition_of(said: Mapping[int, str], number: int) -> str:
    """How a process handles a signal, given what it said: ``handler``, ``ignored`` or ``default``."""
    return said.get(number) or PYTHON_DISPOSITIONS.get(number, "default")


class Process:
    """A process of the kernel's table.

    Attributes:
        letter: its name in schedules and reports.
        life: its task, and which subject it runs; see ``stateful.model.life``.
        pid, start_ticks, argv, uid: its identity as other processes see it.
        gid: its group, which has the number of its user.
        namespace: its pid namespace.
        home: the home that it is started for.
        folder_of_work: its working directory, where relative paths begin. It is a path: it does not follow a
            folder that is renamed or removed.
        comm: the name that it has given itself; empty for the first 15 letters of its program's.
        boot: in which boot of the machine it began, counted from 1.
        phase: ``starting``, ``owner`` (inside ``serve``) or ``leaving``.
        owned: whether it has been inside ``serve``.
        pending: the call that it is about to make.
        since: when it began to wait in that call; None if a wait moves the clock, which leaves every order
            of the others possible.
        outcome: how it ended, or None while it lives.
        stopped: whether it is stopped (SIGSTOP).
        signals: the signals that it has not handled yet, in the order in which their handlers run.
        dispositions: how it handles signals, as far as it has said: ``handler``, ``ignored`` or ``default``.
    """

    def __init__(self, letter: str, life: str, machine: Machine = MACHINE) -> None:
        self.letter = letter
        self.life = life
        self.pid, self.start_ticks, self.uid, self.namespace, self.home = machine.who(letter)
        self.folder_of_work = OTHER_FOLDER if letter in machine.elsewhere else self.home
        self.argv = ["hermes_cli/main.py", "gateway", "run"]
        role = plain(life)
        if role == "replace":
            self.argv.append("--replace")
        elif role != "start":
            self.argv[2] = "stop" if role == "stop" else "status"
        if machine.program:
            self.argv[:1] = machine.program
        self.comm = ""
        self.boot = 1
        self.phase = STARTING
        self.owned = False
        self.pending: Call | None = None
        self.since: int | None = None
        self.outcome: Outcome | None = None
        self.stopped = False
        self.signals: list[int] = []
        self.dispositions: dict[int, str] = {}
        self.fds: dict[int, OpenFile] = {}
        self.umask = machine.umask

    @property
    def gid(self) -> int:
        return self.uid

    @property
    def alive(self) -> bool:
        return self.outcome is None
