"""Signals, exit handlers, the clock, identity and randomness, as a simulated process sees them."""

from __future__ import annotations

import errno
import hashlib
import operator
import os
import signal as signals
import time as clock
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stateful.kernel.signals import CLOCK_BOOTTIME, HANDLED
from stateful.model.signal_target import PIDFD
from stateful.python.file_calls import descriptor
from stateful.python.refusal import advice, refuse

if TYPE_CHECKING:
    from stateful.python.interpreter import Interpreter

EntryPoint = Callable[..., Any]

LONG_TIME_S = 10_000_000
CLOCK_MONOTONIC = clock.CLOCK_MONOTONIC


def kill(process: Interpreter, pid: int, number: int) -> None:
    send(process, "kill", _c_int(pid), _c_int(number))


def killpg(process: Interpreter, pgid: int, number: int) -> None:
    """As in the C library: the number of a group is a negative pid."""
    if _c_int(pgid) < 0:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    kill(process, -pgid, number)


def send(process: Interpreter, call: str, target: int, number: int) -> None:
    """Send a signal; if it goes to the process itself, its handler runs before the call returns."""
    if process.call(call, target, number) == HANDLED:
        process.handlers[number](number, None)


def _c_int(value: Any) -> int:
    """A number as a C int. Raises TypeError if it is no number, OverflowError if it is too large."""
    number = operator.index(value)
    if not -(2**31) <= number < 2**31:
        raise OverflowError("Python int too large to convert to C int")
    return number


def getpgid(process: Interpreter, pid: int) -> int:
    """Every process leads a group of its own."""
    if not pid:
        return process.pid
    found = process.call("pid_exists", _c_int(pid))
    if not found:
        raise ProcessLookupError(errno.ESRCH, os.strerror(errno.ESRCH))
    return int(found)


def pidfd_open(process: Interpreter, pid: int, flags: int = 0) -> int:
    return int(process.call("pidfd_open", _c_int(pid), flags))


def pidfd_send_signal(
    process: Interpreter, pidfd: int, signal: int, siginfo: None = None, flags: int = 0
) -> None:
    send(process, "pidfd_send_signal", pidfd, int(signal))


def exit_(process: Interpreter, status: int) -> None:
    process.exit(status)


def waitpid(process: Interpreter, pid: int, options: int) -> tuple[int, int]:
    raise ChildProcessError(10, os.strerror(10))


def urandom(process: Interpreter, size: int) -> bytes:
    """Bytes that depend only on the process and on how often it has drawn randomness before."""
    if size < 0:
        raise ValueError("negative argument not allowed")
    return hashlib.shake_256(process.draw().encode()).digest(size)


def hostname(process: Interpreter) -> str:
    """The name of the machine, or of the container, since docker names each container."""
    return process.namespace or "host"


def abort(process: Interpreter) -> None:
    process.call("sigaction", int(signals.SIGABRT), "default")
    process.call("kill", process.pid, int(signals.SIGABRT))


def putenv(process: Interpreter, *_: Any) -> None:
    """The environment of a simulated process is its ``os.environ`` alone."""


OS_CALLS: dict[str, EntryPoint] = {
    "kill": kill,
    "killpg": killpg,
    "_exit": exit_,
    "waitpid": waitpid,
    "urandom": urandom,
    "getrandom": lambda process, size, flags=0: urandom(process, size),
    "abort": abort,
    "putenv": putenv,
    "unsetenv": putenv,
    "getpid": lambda process: process.pid,
    "getppid": lambda process: int(process.call("inspect", process.pid)[-1]),
    "getpgrp": lambda process: process.pid,
    "getpgid": getpgid,
    "pidfd_open": pidfd_open,
    "getuid": lambda process: process.uid,
    "geteuid": lambda process: process.uid,
    "getgid": lambda process: process.uid,
    "getegid": lambda process: process.uid,
    "getlogin": lambda process: "user",
    "uname": lambda process: os.uname_result(("Linux", hostname(process), "6.1", "#1", "x86_64")),
    "sched_yield": lambda process: None,
}


def signal_(process: Interpreter, number: int, handler: Any) -> Any:
    before = getsignal(process, number)
    if handler == signals.SIG_IGN:
        disposition = "ignored"
    elif handler == signals.SIG_DFL:
        disposition = "default"
    elif callable(handler):
        disposition = "handler"
    else:
        raise TypeError("signal handler must be signal.SIG_IGN, signal.SIG_DFL, or a callable object")
    process.call("sigaction", int(number), disposition)
    process.handlers[int(number)] = handler
    return before


def getsignal(process: Interpreter, number: int) -> Any:
    if not 1 <= number < signals.NSIG:
        raise ValueError("signal number out of range")
    return process.handlers.get(int(number), signals.SIG_DFL)


SIGNAL_CALLS: dict[str, EntryPoint] = {
    "signal": signal_,
    "getsignal": getsignal,
    "pause": lambda process: process.call("pause"),
    "pidfd_send_signal": pidfd_send_signal,
    "raise_signal": lambda process, number: kill(process, process.pid, number),
    "siginterrupt": lambda process, number, flag: None,
}


def sleep(process: Interpreter, seconds: float) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    process.call("sleep", max(1, int(seconds * 1_000_000)))  # Some time passes, however short the sleep.


def _wall_us(process: Interpreter) -> int:
    return process.readings.read(int(process.call("wall")))


def _wall(process: Interpreter) -> float:
    return _wall_us(process) / 1_000_000


def when_booted(process: Interpreter) -> int:
    """When the machine was booted, in seconds since the epoch: it follows the wall clock."""
    since_boot = int(process.call("clock", CLOCK_BOOTTIME))
    return round((int(process.call("wall")) - since_boot) / 1_000_000)


def _since_boot(process: Interpreter, which: int = CLOCK_MONOTONIC) -> int:
    return process.readings.read(int(process.call("clock", which)))


def _monotonic(process: Interpreter, which: int = CLOCK_MONOTONIC) -> float:
    return _since_boot(process, which) / 1_000_000


def _now_unless_given(function: Callable[..., Any]) -> EntryPoint:
    def read(process: Interpreter, seconds: float | None = None) -> Any:
        return function(_wall(process) if seconds is None else seconds)

    return read


def strftime(process: Interpreter, form: str, moment: Any = None) -> str:
    return _strftime(form, _localtime(_wall(process)) if moment is None else moment)


_strftime, _localtime = clock.strftime, clock.localtime

TIME_CALLS: dict[str, EntryPoint] = {
    "sleep": sleep,
    "time": _wall,
    "time_ns": lambda process: _wall_us(process) * 1000,
    "monotonic": lambda process: _monotonic(process),
    "monotonic_ns": lambda process: _since_boot(process) * 1000,
    "perf_counter": lambda process: _monotonic(process),
    "perf_counter_ns": lambda process: _since_boot(process) * 1000,
    "process_time": lambda process: 0.0,
    "process_time_ns": lambda process: 0,
    "clock_gettime": lambda process, which: _wall(process) if which == 0 else _monotonic(process, which),
    "clock_gettime_ns": lambda process, which: (
        (_wall_us(process) if which == 0 else _since_boot(process, which)) * 1000
    ),
    "localtime": _now_unless_given(clock.localtime),
    "gmtime": _now_unless_given(clock.gmtime),
    "ctime": _now_unless_given(clock.ctime),
    "strftime": strftime,
}


def register(process: Interpreter, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    if not callable(function):
        raise TypeError("the first argument must be callable")
    process.exit_handlers.append((function, args, kwargs))
    return function


def unregister(process: Interpreter, function: Callable[..., Any]) -> None:
    process.exit_handlers[:] = [entry for entry in process.exit_handlers if entry[0] != function]


ATEXIT_CALLS: dict[str, EntryPoint] = {"register": register, "unregister": unregister}


def select(process: Interpreter, rlist: Any, wlist: Any, xlist: Any, timeout: float | None = None) -> Any:
    """Sleep, or wait for the end of processes; other descriptors are not modelled."""
    numbers = {descriptor(one): one for one in rlist}
    for number in numbers:
        if not process.call("fdpath", number).startswith(PIDFD):
            refuse(
                process,
                f"called select.select() on descriptor {number}, which is no pidfd",
                advice("select."),
            )
    if list(wlist) or list(xlist):
        refuse(process, "called select.select() to write, which is not modelled", advice("select."))
    if timeout is not None and timeout < 0:
        raise ValueError("timeout must be non-negative")
    ready = process.call("select", tuple(numbers), None if timeout is None else int(timeout * 1_000_000))
    return [numbers[number] for number in ready], [], []


SELECT_CALLS: dict[str, EntryPoint] = {"select": select}


def wait(process: Interpreter, timeout: float | None) -> None:
    """Wait for an event or condition of ``threading``, which only this waiting process could set."""
    if timeout is None:
        process.call("pause")
    else:
        sleep(process, max(0.0, min(timeout, LONG_TIME_S)))
