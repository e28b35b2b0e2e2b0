"""What a real process asks of others: signals, waiting for their end, what ``/proc`` tells of them."""

from __future__ import annotations

import errno
import os
import select
import signal
from typing import TYPE_CHECKING, Any, NamedTuple

from stateful.kernel.files import OpenFile
from stateful.kernel.proc import STATES
from stateful.kernel.signals import HANDLED
from stateful.model.machine import INIT
from stateful.model.signal_target import PIDFD

if TYPE_CHECKING:
    from stateful.host.calls import Sandbox

STATE, START_TIME = 0, 19  # fields of /proc/<pid>/stat, counted from behind the name


def kill(sandbox: Sandbox, pid: int, number: int) -> str | None:
    os.kill(pid, number)
    return _handled(sandbox, pid == os.getpid(), number)


def _handled(sandbox: Sandbox, is_own: bool, number: int) -> str | None:
    """HANDLED if the process has sent itself a signal whose handler runs before the call returns."""
    if is_own and number in sandbox.signals:
        sandbox.signals.remove(number)
        return HANDLED
    return None


def open_pidfd(sandbox: Sandbox, pid: int, flags: int) -> int:
    fd = os.pidfd_open(pid, flags)
    sandbox.files[fd] = OpenFile(fd, f"{PIDFD}{pid}:{stat_fields(pid).rest[START_TIME]}", os.O_RDWR, 0)
    return fd


def send_by_pidfd(sandbox: Sandbox, fd: int, number: int) -> str | None:
    signal.pidfd_send_signal(fd, number)
    return _handled(sandbox, sandbox.files[fd].path.startswith(f"{PIDFD}{os.getpid()}:"), number)


def wait(sandbox: Sandbox, fds: tuple[int, ...], microseconds: int | None) -> tuple[int, ...]:
    found = tuple(select.select(fds, (), (), None if microseconds is None else 0)[0])
    if not found and microseconds is not None:
        sandbox.pass_time(microseconds)
    return found


def set_disposition(sandbox: Sandbox, number: int, disposition: str) -> None:
    handlers: dict[str, Any] = {"default": signal.SIG_DFL, "ignored": signal.SIG_IGN}
    signal.signal(number, handlers.get(disposition, sandbox.note))
    sandbox.changed.add(number)


def pid_exists(sandbox: Sandbox, pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")


def pids(sandbox: Sandbox) -> tuple[str, ...]:
    return tuple(sorted(name for name in os.listdir("/proc") if name.isdecimal()))


class Fields(NamedTuple):
    """``/proc/<pid>/stat``: the name of the program, and the fields behind it."""

    comm: str
    rest: list[str]


def stat_fields(pid: int) -> Fields:
    """The fields of ``/proc/<pid>/stat``. Raises OSError if the process is gone."""
    return split_stat(_whole(f"/proc/{pid}/stat").decode(errors="replace"))


def start_time(pid: int) -> int:
    """When a process started, in clock ticks."""
    return int(stat_fields(pid).rest[START_TIME])


def split_stat(text: str) -> Fields:
    """The fields of ``/proc/<pid>/stat``."""
    head, _, tail = text.rpartition(")")
    return Fields(head.partition("(")[2], tail.split())


def inspect(sandbox: Sandbox, pid: int) -> tuple[Any, ...]:
    """What psutil reads of a process."""
    try:
        state, start = (stat_fields(pid).rest[field] for field in (STATE, START_TIME))
        argv = _whole(f"/proc/{pid}/cmdline").decode().split("\0")[:-1]
        uid, status = os.stat(f"/proc/{pid}").st_uid, STATES.get(state, "sleeping")
        return (tuple(argv), start, uid, status, INIT.pid)  # the real parent is the harness
    except (FileNotFoundError, ProcessLookupError):
        raise OSError(errno.ESRCH, "") from None


def _whole(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return file.readall()
