"""Whom a signal is sent to: looked up before it is sent, since afterwards they may be gone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from stateful.model.call import Call
from stateful.model.disk import Disk
from stateful.model.machine import Stranger
from stateful.model.syscalls import Kind
from stateful.model.usage import argument_of, sends_signal

PIDFD: Final = "pidfd:"  # what stands for a path where a descriptor names a process


class Target(NamedTuple):
    """Who is sent a signal.

    Attributes:
        text: who that is, in words.
        letter: the process of the subject that it is; empty for anybody else.
        recorded: whether a file stands that it has written and that names its pid.
        dead: whether it is a zombie, which no signal reaches.
    """

    text: str
    letter: str = ""
    recorded: bool = False
    dead: bool = False


class Person(Protocol):
    """What has a pid."""

    @property
    def pid(self) -> int: ...

    @property
    def namespace(self) -> str: ...


def named_by(path: str) -> tuple[int, int]:
    """The pid and start time of the process that a pidfd's path names."""
    pid, start_ticks = map(int, path.removeprefix(PIDFD).split(":"))
    return pid, start_ticks


def pid_of(call: Call, path: str | None) -> int | None:
    """The pid that a call is about; ``path`` is what its descriptor stands for, which may be a process."""
    if path is not None and path.startswith(PIDFD):
        return named_by(path)[0]
    pid: int | None = argument_of(call, Kind.PID)
    return pid


def target_of(
    people: Mapping[str, Person],
    disk: Disk,
    strangers: Iterable[Stranger],
    sender: str,
    call: Call,
    path: str | None,
) -> Target | None:
    """The target of a call, before it is made; None where it sends no signal, or nobody is there.

    Args:
        people: the processes of the subject that live, by letter.
        path: what the descriptor stands for, where the call sends by pidfd.
    """
    if not sends_signal(call):
        return None
    pid, ticks = named_by(path) if path is not None else (call.args[0], None)
    if pid <= 0:
        return Target("a group of processes" if pid != -1 else "every process of the machine")
    namespace = people[sender].namespace
    for letter, who in people.items():
        if (who.pid, who.namespace) == (pid, namespace):
            return Target(letter, letter, _is_recorded(disk, letter, pid))
    for stranger in strangers:
        if (stranger.pid, stranger.namespace) == (pid, namespace) and ticks in (None, stranger.start_ticks):
            return Target(f"pid {pid}", dead=stranger.zombie)
    return None


def _is_recorded(disk: Disk, letter: str, pid: int) -> bool:
    named = re.compile(rb"(?<![0-9])%d(?![0-9])" % pid)
    return any(named.search(file.content) for file in disk.written_by(letter).values())
