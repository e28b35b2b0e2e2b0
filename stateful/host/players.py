"""The real processes of one play: their pids, their next calls, and how each ends."""

from __future__ import annotations

import contextlib
import marshal
import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from stateful.host.fork_client import ForkClient
from stateful.host.fork_server import PATIENCE_S
from stateful.host.player_process import MESSAGE_BYTES, Command, PlayerSpec, Report, decode
from stateful.host.process_table import STATE, start_time, stat_fields
from stateful.host.translation import Translation
from stateful.model.clock import Clock
from stateful.model.confirmation import Differs, Uneven, Unplayable
from stateful.model.lifecycle import signal_name
from stateful.model.machine import DEAD_PID, DEAD_TICKS, ROOT, SHELL, Machine, Stranger
from stateful.protocol.subject import Subject
from stateful.run.running import new_process

PAUSE_S: Final = 0.0005
LOOKS: Final = 150  # some 0.3 ms
STOPPED: Final = "T"
_SILENT: Final = Report(None, "", (), None, None)


@dataclass
class Player:
    """A real process, and its last report.

    Attributes:
        fork_client: of the server that forked it and reaps it.
        channel: the socket that takes its commands; None for a stranger.
    """

    pid: int
    start: int
    fork_client: ForkClient
    channel: socket.socket | None = None
    report: Report = _SILENT
    stopped: bool = False


class Players:
    """The real processes of one play.

    Attributes:
        living: processes of the subject, by letter.
        strangers: other processes and zombies of the subject, by simulated pid.
        imitated: what the processes have used that was not the host's.
    """

    def __init__(
        self,
        fork_client: Callable[[Sequence[str]], ForkClient],
        subject: Subject,
        machine: Machine,
        translation: Translation,
        root: str,
    ) -> None:
        self._fork_client = fork_client
        self._subject = subject
        self._machine = machine
        self._translation = translation
        self._root = root
        self._starts: dict[int, int] = {}
        self._digits: set[int] = set()
        self._is_prompt = True
        self.living: dict[str, Player] = {}
        self.strangers: dict[int, Player] = {}
        self.imitated: set[str] = set()

    # -- starting ----------------------------------------------------------------------------------------

    def start(self, letter: str, life: str, clock: Clock) -> None:
        """Start a process of the subject; it runs to its first call."""
        identity = self._machine.who(letter)
        fork_client = self._fork_client(command_line(self._subject, life, self._machine))
        spec = PlayerSpec(self._subject, letter, life, self._machine, identity.pid, self._root)
        pid, start, channel = fork_client.fork_player(spec, clock)
        # Not ``settimeout``, which polls before each receive.
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(PATIENCE_S))
        self.living[letter] = Player(pid, start, fork_client, channel)
        self._check_length(pid)

    def wait_for_first_call(self, letter: str) -> Player:
        """Wait until a process of the subject has reached its first call."""
        identity = self._machine.who(letter)
        player = self.living[letter]
        self.receive(letter)
        self._translate(identity.pid, identity.start_ticks, player)
        return player

    def start_stranger(self, stranger: Stranger) -> None:
        """Start a process that runs no code of the subject."""
        fork_client = self._fork_client(stranger.argv)
        pid = fork_client.ask("fork_idle", stranger.uid == ROOT, stranger.zombie)
        player = self.strangers[stranger.pid] = Player(pid, start_time(pid), fork_client)
        self._check_length(pid)
        self._translate(stranger.pid, stranger.start_ticks, player)
        if stranger.pid == DEAD_PID:  # The record is older than the process by as much as in the simulation.
            self._translation.add(DEAD_TICKS, player.start + DEAD_TICKS - stranger.start_ticks)

    def add_dead(self) -> None:
        """Let the process of a stale record be a real one, which has ended."""
        pid, start = self._fork_client(command_line(self._subject, "start", self._machine)).ask("fork_dead")
        self._check_length(pid)
        self._translation.add(DEAD_PID, pid)
        self._translation.add(DEAD_TICKS, start)

    def recycle(self, simulated_pid: int, argv: Sequence[str], simulated_start: int) -> None:
        """Give the pid of a process that has ended to another process, which starts later."""
        pid = self._translation.number(simulated_pid)
        fork_client = self._fork_client(argv)
        try:
            start = fork_client.ask("fork_idle_as", pid, self._starts.get(simulated_pid, 0))
        except OSError:
            raise Unplayable(
                "pids cannot be chosen here, which takes root and the file ns_last_pid."
            ) from None
        if start is None:
            raise Unplayable(f"other processes of this machine always come before pid {pid}.")
        self.strangers[simulated_pid] = player = Player(pid, start, fork_client)
        self._translate(simulated_pid, simulated_start, player)

    def _translate(self, simulated_pid: int, simulated_start: int, player: Player) -> None:
        self._starts[simulated_pid] = player.start
        self._translation.add(simulated_pid, player.pid)
        self._translation.add(simulated_start, player.start)

    def _check_length(self, pid: int) -> None:
        """Raise Uneven if pids have different lengths, which they never have in the simulation."""
        self._digits.add(len(str(pid)))
        if len(self._digits) > 1:
            raise Uneven

    def belongs_to_play(self, pid: int) -> bool:
        """Whether a pid may be signalled: it belongs to a process of the play, or to no process."""
        ours = {player.pid for player in (*self.living.values(), *self.strangers.values())}
        return pid in ours or not os.path.exists(f"/proc/{pid}")

    # -- talking to them ------------------------------------------------------------------------------------

    def send(self, letter: str, command: Command) -> None:
        """Send a process a command."""
        channel = self.living[letter].channel
        assert channel is not None
        with contextlib.suppress(ConnectionError):  # It has ended; ``receive`` notices.
            channel.send(marshal.dumps(tuple(command)))

    def receive(self, letter: str) -> Report:
        """The next report of a process. Raises Differs if there is none."""
        player = self.living[letter]
        try:
            message = self._receive_message(player)
        except BlockingIOError:
            raise Differs(f"it waits, for {PATIENCE_S:g} s at least") from None
        except ConnectionError:
            message = b""
        if not message:
            raise Differs(f"{letter} {ended_text(self.end(letter))}")
        player.report = decode(message)
        if player.report.refused:
            raise Differs(player.report.refused)
        self.imitated |= {*player.report.imitated}
        return player.report

    def _receive_message(self, player: Player) -> bytes:
        """The next message. Polls first, since sleeping until a message comes takes longer.

        It does not poll for a process that starts, nor after polling has failed once: then other processes
        need the processor.
        """
        assert player.channel is not None
        if self._is_prompt and player.report is not _SILENT:
            for _ in range(LOOKS):
                try:
                    return player.channel.recv(MESSAGE_BYTES, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    pass
            self._is_prompt = False
        return player.channel.recv(MESSAGE_BYTES)

    def has_ended(self, player: Player) -> bool:
        """Whether a process of the subject has ended."""
        assert player.channel is not None
        try:
            return not player.channel.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except ConnectionError:
            return True

    def is_in_state(self, player: Player, stopped: bool) -> bool:
        """Whether a process is stopped, or continues, within the patience."""
        until = time.monotonic() + PATIENCE_S
        while (stat_fields(player.pid).rest[STATE] == STOPPED) != stopped:
            if time.monotonic() > until:
                return False
            time.sleep(PAUSE_S)
        return True

    # -- ending -------------------------------------------------------------------------------------

    def end(self, letter: str) -> int | None:
        """How a process ends, as ``waitstatus_to_exitcode`` says; None if it lives on.

        The process is reaped; on a machine that does not reap, it becomes one of the strangers.
        """
        player = self.living[letter]
        verb = "reap" if self._machine.reaps else "wait"
        status: int | None = player.fork_client.ask(verb, player.pid)
        if status is not None:
            del self.living[letter]
            assert player.channel is not None
            player.channel.close()
            if not self._machine.reaps:
                self.strangers[self._machine.who(letter).pid] = player
        return status

    def end_stranger(self, simulated_pid: int) -> int | None:
        """How a stranger ends after a signal; None if it lives on."""
        player = self.strangers[simulated_pid]
        verb = "reap" if self._machine.reaps else "wait"
        status: int | None = player.fork_client.ask(verb, player.pid)
        if status is not None and self._machine.reaps:
            del self.strangers[simulated_pid]
        return status

    def keep_running(self) -> None:
        """Keep the processes that live and run for the next play."""
        if len(self._machine.users) == 1:
            for letter, player in list(self.living.items()):
                if player.channel is not None and not player.stopped:
                    self.send(letter, Command("rest", 0, 0, 0, 0))
                    player.fork_client.keep(player.pid, player.start, player.channel)
                    del self.living[letter]

    def disconnect(self) -> None:
        """Close all channels."""
        for player in (*self.living.values(), *self.strangers.values()):
            if player.channel is not None:
                player.channel.close()

    def kill_all(self) -> None:
        """Kill and reap all processes."""
        processes = [*self.living.values(), *self.strangers.values()]
        self.living, self.strangers = {}, {}
        for player in processes:
            if player.channel is not None:
                player.channel.close()
            os.kill(player.pid, signal.SIGKILL)
        for player in processes:
            player.fork_client.ask("reap", player.pid)


@lru_cache
def command_line(subject: Subject, life: str, machine: Machine) -> tuple[str, ...]:
    """The command line of a process that lives a life."""
    return tuple(new_process(subject, "A", life, machine).argv)


def _timeval(seconds: float) -> bytes:
    return struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))


def ended_text(status: int | None) -> str:
    """How a process ended, in words."""
    if status is None:
        return "lives on"
    return f"is killed by {signal_name(-status)}" if status < 0 else f"ends with exit status {status}"


def check_playable(machine: Machine) -> None:
    """Raise Unplayable for a machine that this host cannot stand in for."""
    if not machine.proc:
        raise Unplayable("there is no /proc on the machine of this scenario, and there is one here.")
    if machine.containers:
        raise Unplayable("each process of this scenario is pid 1 of a pid namespace of its own.")
    if machine.reuses_inodes:
        raise Unplayable("it takes a file system that gives inode numbers again, as this scenario's does.")
    if any(stranger.process for stranger in machine.strangers):
        raise Unplayable(
            "a thread has the pid in the record of this scenario, and no host can choose its id."
        )
    if machine.wraps:
        raise Unplayable("no host can choose pids of such different lengths.")
    if SHELL in machine.strangers:
        raise Unplayable("a shell is the parent in this scenario, and the harness that of real processes.")
    if machine.together:
        raise Unplayable("processes of this scenario start in one clock tick.")
    uids = machine.users | {stranger.uid for stranger in machine.strangers}
    if len(uids) > 1 and os.getuid() != ROOT:
        raise Unplayable("processes of two users take root.")
