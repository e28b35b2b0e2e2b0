"""The target of a signal: looked up before the signal is sent, since the process may be gone afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from stateful.model.call import Call
from stateful.model.disk import Disk
from stateful.model.machine import INIT, Stranger
from stateful.model.syscalls import Kind
from stateful.model.usage import argument_of, sends_signal

PIDFD: Final = "pidfd:"  # begins the path of a descriptor that names a process


class Target(NamedTuple):
    """The target of a signal.

    Attributes:
        text: the target, in words.
        letter: the letter of a process of the subject; empty for any other process.
        recorded: whether there is a file that it has written and that names its pid.
        dead: whether it is a zombie, which no signal reaches.
    """

    text: str
    letter: str = ""
    recorded: bool = False
    dead: bool = False


class HasPid(Protocol):
    """A process of the subject, live or as a value: it has a pid in a pid namespace."""

    @property
    def pid(self) -> int: ...

    @property
    def namespace(self) -> str: ...


def named_by(path: str) -> tuple[int, int]:
    """The pid and start time of the process that a pidfd's path names."""
    pid, start_ticks = map(int, path.removeprefix(PIDFD).split(":"))
    return pid, start_ticks


def pid_of(call: Call, path: str | None) -> int | None:
    """The pid that a call is about; ``path`` is the path of its descriptor, which may name a process."""
    if path is not None and path.startswith(PIDFD):
        return named_by(path)[0]
    pid: int | None = argument_of(call, Kind.PID)
    return pid


def target_of(
    processes: Mapping[str, HasPid],
    disk: Disk,
    strangers: Iterable[Stranger],
    sender: str,
    call: Call,
    path: str | None,
) -> Target | None:
    """The target of a call, before it is made; None if it sends no signal, or no process has the pid.

    Args:
        processes: the live processes of the subject, by letter.
        path: the path of the descriptor, if the call sends by pidfd.
    """
    if not sends_signal(call):
        return None
    pid, ticks = named_by(path) if path is not None else (call.args[0], None)
    if pid <= 0:
        return Target("a group of processes" if pid != -1 else "every process of the machine")
    namespace = processes[sender].namespace
    for letter, process in processes.items():
        if (process.pid, process.namespace) == (pid, namespace):
            return Target(letter, letter, _is_recorded(disk, letter, pid))
    for stranger in (INIT, *strangers):
        if (stranger.pid, stranger.namespace) == (pid, namespace) and ticks in (None, stranger.start_ticks):
            return Target(f"pid {pid}", dead=stranger.zombie)
    return None


def _is_recorded(disk: Disk, letter: str, pid: int) -> bool:
    named = re.compile(rb"(?<![0-9])%d(?![0-9])" % pid)
    return any(named.search(file.content) for file in disk.written_by(letter).values())
