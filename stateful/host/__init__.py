"""Plays a trace of the simulation again with real processes: real system calls, locks and signals.

Real processes are forked from a fork server (``fork_server``). Each runs the code of the subject as a
simulated process does (``player_process``), but makes each call for real (``calls``), when the play tells it
to (``play``). The play compares every call, answer, phase and end with the trace, and at last the disk. A
process that is killed in the trace gets a real SIGKILL; a process that exits really exits.

Imitated, since no host does it on demand at the right moment: the errno of a call that fails by a fault;
what a full or read-only disk denies; the clock, which only sleeps move, and these take no real time; what a
power loss or a reboot leaves: all processes are killed, the disk is laid out as in the trace, and another
boot id takes the place of this one. A process that lives at the end of a play serves the next play, with
fresh modules, because a fork costs more than a play.

Not played, and refused in words: machines without ``/proc``, pid namespaces, processes that start in one
tick; calls about processes outside the play; where the harness is not root, processes of two users and
choosing a pid. All pids of a play have the same number of digits, as in the simulation; where they differ, it
is played again.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from secrets import token_hex
from types import TracebackType
from typing import Final, Self

from stateful.host.fork_client import ForkClient, Gone
from stateful.host.layout import file_system, remove_root
from stateful.host.play import HostPlay
from stateful.kernel.temporary import remove_tree, temporary_folder
from stateful.model.confirmation import (
    CONFIRMED,
    DIFFERS,
    UNPLAYABLE,
    Confirmation,
    Differs,
    Uneven,
    Unplayable,
)
from stateful.model.scenario import Scenario
from stateful.model.trace import Trace
from stateful.protocol.subject import Subject
from stateful.run.replay import replay

TRIES: Final = 3

__all__ = ["CONFIRMED", "DIFFERS", "UNPLAYABLE", "Confirmation", "Host", "confirm"]


class Host:
    """Plays traces with real processes; a context manager that leaves no process and no file behind."""

    def __init__(self) -> None:
        base = temporary_folder() or tempfile.gettempdir()
        self._folder = os.path.join(base, f"stateful-{os.getpid()}-host-{token_hex(8)}")
        self._fork_clients: dict[tuple[str, ...], ForkClient] = {}
        self._plays = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all processes and remove all files; a later play starts them again."""
        try:
            while self._fork_clients:
                self._fork_clients.popitem()[1].close()
        finally:
            remove_tree(self._folder)

    def fork_client(self, argv: Sequence[str]) -> ForkClient:
        """The client of the fork server for a command line; started at first use."""
        known = self._fork_clients.get(tuple(argv))
        if known is None:
            known = self._fork_clients[tuple(argv)] = ForkClient(argv, self._folder)
        return known

    def confirm(self, subject: Subject, scenario: Scenario, trace: Trace) -> Confirmation:
        """Whether real processes do the same as the simulated ones of a trace."""
        if sys.platform != "linux":
            return Confirmation(UNPLAYABLE, "it takes Linux, whose calls the simulation has.")
        if len(trace.living) != len(trace.steps) + 1:
            trace = replay(subject, scenario, trace.moves)
        for _ in range(TRIES):
            try:
                imitated = self._play(subject, scenario, trace)
                break
            except Uneven:
                self.close()
            except Differs as difference:
                return Confirmation(DIFFERS, str(difference))
            except Unplayable as why:
                return Confirmation(UNPLAYABLE, str(why))
            except Gone as why:
                self.close()
                return Confirmation(UNPLAYABLE, f"{why}.")
            except BaseException:
                self.close()
                raise
        else:
            return Confirmation(UNPLAYABLE, "it gives pids of different lengths.")
        steps = f"{trace.length:,} step{'s' * (trace.length != 1)}"
        count = len(trace.lives)
        processes = f"{count} real process{'es' * (count != 1)}"
        release = ".".join(os.uname().release.split(".")[:2])
        where = f"{os.uname().sysname} {release}, {file_system(self._folder)}"
        but = f" Not the host's: {', '.join(sorted(imitated))}." if imitated else ""
        same = f"{steps} of {processes}, the same calls, answers and end ({where}).{but}"
        return Confirmation(CONFIRMED, same)

    def _play(self, subject: Subject, scenario: Scenario, trace: Trace) -> set[str]:
        """Play a trace; what its processes used that was not the host's."""
        self._plays += 1
        root = f"{self._folder}/{self._plays}"
        os.makedirs(self._folder, exist_ok=True)
        os.chmod(self._folder, 0o711)  # Its processes are not root, even if the harness is.
        try:
            with HostPlay(self.fork_client, subject, scenario, trace, root) as play:
                play.play()
                return play.players.imitated
        finally:
            remove_root(root)


def confirm(subject: Subject, scenario: Scenario, trace: Trace) -> Confirmation:
    """Whether real processes do the same as the simulated ones of a trace: starts and ends a ``Host``."""
    with Host() as host:
        return host.confirm(subject, scenario, trace)
