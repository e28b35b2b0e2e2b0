"""The harness's end of a fork server: starts it, sends requests and ends it."""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from stateful.host.process_table import start_time
from stateful.host.rights import stand_in
from stateful.model.clock import Clock

if TYPE_CHECKING:
    from stateful.host.player_process import PlayerSpec

PATIENCE_S: Final = 30.0  # for Python to start, on a busy machine
MESSAGE_BYTES: Final = 1 << 16


class Gone(Exception):
    """A fork server does not answer."""


class ForkClient:
    """Starts a fork server, whose children all have one command line, and talks to it.

    The server starts with a stand-in of the same length and writes the wanted command line over it: a gateway
    is known by its command line, and Python's options are no part of that. So the server finds its library
    through the environment, and reads its program from standard input.
    """

    def __init__(self, argv: Sequence[str], folder: str) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        paths = [path for path in sys.path if path]
        program = (
            f"import site, sys; sys.path[:] = {paths!r}\n"
            "[site.addsitedir(path) for path in sys.path if path.endswith('-packages')]\n"
            "from stateful.host.fork_server import serve\n"
            f"serve({theirs.fileno()}, {list(argv)!r}, {folder!r})\n"
        )
        with theirs:
            self._process = subprocess.Popen(
                stand_in(argv),
                executable=sys.executable,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=None,
                pass_fds=(theirs.fileno(),),
                env={**os.environ, "PYTHONHOME": sys.base_prefix, "PYTHONDONTWRITEBYTECODE": "1"},
                start_new_session=True,  # an interrupt from a terminal reaches only the harness
            )
        assert self._process.stdin is not None
        with self._process.stdin as stdin:
            stdin.write(program.encode())
        self._control.settimeout(PATIENCE_S)
        self._kept: list[tuple[int, int, socket.socket]] = []

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, verb: str, *arguments: Any) -> Any:
        """Call a method of the ``ForkServer``. Raises OSError as the method does, Gone without an answer."""
        self._send(verb, *arguments)
        return self._receive()

    def fork_player(self, spec: PlayerSpec, clock: Clock) -> tuple[int, int, socket.socket]:
        """A process of a subject: its pid, its start time and the socket that takes its commands.

        A process that was kept is used before a new one is forked: forking costs more than all the calls of a
        play, since Python writes to every page that it reads.
        """
        while self._kept and len(spec.machine.users) == 1:
            kept = self._kept.pop()
            try:
                kept[2].send(pickle.dumps((spec, clock)))
                return kept
            except ConnectionError:  # It has been killed meanwhile.
                kept[2].close()
        channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                self._send("fork_player", spec, clock, fds=[theirs.fileno()])
                pid = int(self._receive())
                return pid, start_time(pid), channel
        except BaseException:
            channel.close()
            raise

    def keep(self, pid: int, start: int, channel: socket.socket) -> None:
        """Keep a process of a subject that lives at the end of a play for the next play."""
        self._kept.append((pid, start, channel))

    def _send(self, verb: str, *arguments: Any, fds: Sequence[int] = ()) -> None:
        try:
            socket.send_fds(self._control, [pickle.dumps((verb, *arguments))], fds)
        except OSError as error:
            raise Gone(f"the fork server has ended: {error}") from None

    def _receive(self) -> Any:
        try:
            message = self._control.recv(MESSAGE_BYTES)
        except OSError as error:
            raise Gone(f"the fork server does not answer: {error}") from None
        if not message:
            raise Gone("the fork server has ended")
        answer = pickle.loads(message)
        if isinstance(answer, OSError):
            raise answer
        return answer

    def close(self) -> None:
        """Have the server kill its processes and end."""
        self._control.close()
        for *_, channel in self._kept:
            channel.close()
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
