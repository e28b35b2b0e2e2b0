"""A warm parent: a Python and a command line of its own, whose forks are the real processes that it reaps.

Run in a fresh interpreter, it imports what is needed and runs a subject once, simulated, so that all code is
compiled; after that each process is one ``fork``. It is the parent of them all: it decides who is reaped, and
what it leaves alone stays a zombie. When nobody talks to it any more, it kills them all, removes the folder
in which they were and ends; when it is killed itself, they die with it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import select
import signal
import socket
from collections.abc import Sequence
from typing import Any, Final

from stateful.host.calls import start_time
from stateful.host.rights import Rights, be_called
from stateful.kernel.temporary import remove_tree

LAST_PID: Final = "/proc/sys/kernel/ns_last_pid"
PATIENCE_S: Final = 10.0
TRIES: Final = 200  # to get one pid, while other programs start processes
MESSAGE_BYTES: Final = 1 << 16
LIMIT_WARMING_STEPS: Final = 200


def serve(control_fd: int, argv: Sequence[str], folder: str) -> None:
    """Do what is asked until nobody asks any more. Never returns."""
    be_called(argv)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)
    server = ForkServer(socket.socket(fileno=control_fd))
    try:
        with contextlib.suppress(ConnectionError):
            server.listen()
    finally:
        server.end()
        remove_tree(folder)
        os._exit(0)


class ForkServer:
    """The processes that were forked here and have not been reaped."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._pid = os.getpid()
        self._children: set[int] = set()
        self._warm: set[Any] = set()

    def listen(self) -> None:
        while True:
            message, fds, _, _ = socket.recv_fds(self._control, MESSAGE_BYTES, 1)
            if not message:
                return
            verb, *arguments = pickle.loads(message)
            try:
                answer = getattr(self, verb)(*arguments, *fds)
            except OSError as error:
                answer = error
            self._control.send(pickle.dumps(answer))

    def end(self) -> None:
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)
        for pid in self._children:
            os.waitpid(pid, 0)

    # -- what is asked ------------------------------------------------------------------------------------

    def fork_player(self, spec: Any, clock: tuple[int, int], channel_fd: int) -> int:
        """Fork a process of a subject; its pid."""
        from stateful.host.player_process import keep_only, run_player

        self._warm_up(spec.subject, spec.life)
        pid = os.fork()
        if not pid:
            run_player(spec, keep_only(socket.socket(fileno=channel_fd)), self._pid, clock)
        os.close(channel_fd)
        self._children.add(pid)
        return pid

    def fork_idle(self, is_root: bool, zombie: bool) -> int:
        """Fork a process that does nothing, or has ended at once and is not reaped; its pid."""
        ready, theirs = os.pipe()
        pid = os.fork()
        if not pid:
            os.setpgid(0, 0)
            if is_root:
                from stateful.host.rights import die_with

                die_with(self._pid)
            else:
                Rights(self._pid, False)
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            os.closerange(3, theirs)
            os.closerange(theirs + 1, 100)
            if not zombie:
                os.write(theirs, b".")
                while True:
                    signal.pause()
            os._exit(0)
        self._children.add(pid)
        os.close(theirs)
        os.read(ready, 1)
        os.close(ready)
        if zombie:
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return pid

    def fork_idle_as(self, pid: int, after: int) -> int | None:
        """Fork a process that does nothing, with a pid that is free, later than a clock tick; its start time.

        None where others always come first. Raises OSError where pids cannot be chosen.
        """
        for _ in range(TRIES):
            with open(LAST_PID, "w") as file:
                file.write(str(pid - 1))
            found = self.fork_idle(False, False)
            start = start_time(found)
            if found == pid and start > after:
                return start
            os.kill(found, signal.SIGKILL)
            self.reap(found)
        return None

    def fork_dead(self) -> tuple[int, int]:
        """The pid and the start time of a process that has ended and was reaped."""
        pid = self.fork_idle(False, True)
        start = start_time(pid)
        self.reap(pid)
        return pid, start

    def reap(self, pid: int) -> int | None:
        """Wait until a process has ended, and reap it; its exit code, or minus its signal; None: it lives."""
        status = self.wait(pid)
        if status is not None:
            os.waitpid(pid, 0)
            self._children.remove(pid)
        return status

    def wait(self, pid: int) -> int | None:
        """Wait until a process has ended, and leave it as a zombie."""
        options = os.WEXITED | os.WNOWAIT
        found = os.waitid(os.P_PID, pid, options | os.WNOHANG)
        if found is None:
            pidfd = os.pidfd_open(pid)
            select.select((pidfd,), (), (), PATIENCE_S)
            os.close(pidfd)
            found = os.waitid(os.P_PID, pid, options | os.WNOHANG)
        if found is None:
            return None
        return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status

    # -- warming ------------------------------------------------------------------------------------------

    def _warm_up(self, subject: Any, life: str) -> None:
        """Have all the code compiled that a life of a subject runs."""
        from stateful.model.schedule import LIVES, STEP, Move
        from stateful.model.standard import find_scenario
        from stateful.python import simulation
        from stateful.python.guard import Watchdog
        from stateful.run.execution import Execution

        if (subject, life) in self._warm:
            return
        assert life in LIVES
        if not self._warm:
            simulation.begin()
        self._warm.add((subject, life))
        with Watchdog(), Execution(subject, find_scenario("any-stale"), judged=False) as execution:
            execution.make(Move(life, "A"))
            for _ in range(LIMIT_WARMING_STEPS):
                if not execution.possible(Move(STEP, "A")):
                    break
                execution.make(Move(STEP, "A"))
        gc.collect()
        gc.freeze()
