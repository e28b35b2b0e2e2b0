"""A fork server: a Python with a command line of its own, which forks the real processes and reaps them.

It runs in a fresh interpreter, imports what is needed and runs a subject once, simulated, so that all code is
compiled; after that each process is one ``fork``. As the parent of all of them it decides which process is
reaped; a process that it does not reap stays a zombie. When the client closes the connection, the server
kills its children, removes their folder and ends; when the server is killed, its children die with it.
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

from stateful.host.process_table import start_time
from stateful.host.rights import Rights, be_called
from stateful.kernel.temporary import remove_tree
from stateful.model.clock import Clock
from stateful.model.machine import USER

LAST_PID: Final = "/proc/sys/kernel/ns_last_pid"
PATIENCE_S: Final = 10.0
TRIES: Final = 200  # to get one pid, while other programs start processes
MESSAGE_BYTES: Final = 1 << 16
LIMIT_WARMING_STEPS: Final = 200


def serve(control_fd: int, argv: Sequence[str], folder: str) -> None:
    """Serve requests until the client closes the connection. Never returns."""
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
    """Forks processes, and keeps those that have not been reaped."""

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

    # -- requests ------------------------------------------------------------------------------------

    def fork_player(self, spec: Any, clock: Clock, channel_fd: int) -> int:
        """Fork a process of a subject; return its pid."""
        from stateful.host.player_process import keep_only, run_player

        self._warm_up(spec.subject, spec.life)
        pid = os.fork()
        if not pid:
            run_player(spec, keep_only(socket.socket(fileno=channel_fd)), self._pid, clock)
        os.close(channel_fd)
        self._children.add(pid)
        return pid

    def fork_idle(self, is_root: bool, zombie: bool) -> int:
        """Fork a process that does nothing, or that ends at once as a zombie; return its pid."""
        ready, theirs = os.pipe()
        pid = os.fork()
        if not pid:
            os.setpgid(0, 0)
            if is_root:
                from stateful.host.rights import die_with

                die_with(self._pid)
            else:
                Rights(self._pid, USER)
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
        """Fork a process that does nothing, with a free pid and after a clock tick; return its start time.

        None if other programs take the pid each time. Raises OSError if pids cannot be chosen.
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
        """Fork a process that ends and is reaped; return its pid and start time."""
        pid = self.fork_idle(False, True)
        start = start_time(pid)
        self.reap(pid)
        return pid, start

    def reap(self, pid: int) -> int | None:
        """Wait for a process to end, and reap it; its exit code, or minus its signal; None if it lives on."""
        status = self.wait(pid)
        if status is not None:
            os.waitpid(pid, 0)
            self._children.remove(pid)
        return status

    def wait(self, pid: int) -> int | None:
        """Wait for a process to end, and leave it as a zombie; the result is that of ``reap``."""
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
        """Compile all code that a life of a subject runs, by running it."""
        from stateful.model.schedule import LIVES, STEP, Move, ScheduleMismatch
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
                try:
                    execution.make(Move(STEP, "A"))
                except ScheduleMismatch:
                    break  # It waits.
        gc.collect()
        gc.freeze()
