"""Signals, sleeping, ending: the calls about processes.

A handler runs in the target before the target's next call, as CPython runs it, or in a call that has been
made, before its value is stored (``run/step``); without one, a signal that ends a process ends it at once,
and its exit handlers do not run. A stopped process reacts only to SIGKILL and SIGCONT; other signals wait
until it is continued.

Simplified: in calls that change nothing that others see a handler runs before them, and between silent calls
it runs before the next other call. At the end of the program, after its last call, no handler runs.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from typing import TYPE_CHECKING, Any, Final

from stateful.kernel.files import OpenFile, open_number, syscall
from stateful.kernel.locks import stop_waiting
from stateful.kernel.proc import STATES, is_zombie, parent_of, process_of, state_of
from stateful.kernel.process import NEVER_HANDLED, disposition_of
from stateful.kernel.waiting import waits_if
from stateful.model.call import BLOCKED, Blocked
from stateful.model.lifecycle import Outcome, signal_name
from stateful.model.machine import INIT, ROOT, Stranger
from stateful.model.signal_target import PIDFD, named_by

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process

IGNORED_BY_DEFAULT = frozenset({signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGCONT})
HANDLED = "handled"
CLOCK_BOOTTIME: Final = getattr(time, "CLOCK_BOOTTIME", -1)  # Linux only
STOPPING = frozenset({signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})


@syscall("kill")
def _kill(kernel: Kernel, process: Process, pid: int, number: int) -> str | None:
    """Send a signal. Answers ``handled`` if the caller has to run its own handler now.

    Every process leads a group of its own. A signal to all processes (-1) is not sent: the attempt counts.
    """
    if pid == -1:
        return None
    target = kernel.find(abs(pid), process.namespace) if pid else process
    if target is None or (pid < 0 and process_of(target) != target.pid):
        raise OSError(errno.ESRCH, "")
    if not 0 <= number < signal.NSIG:
        raise OSError(errno.EINVAL, "")
    if process.uid not in (target.uid, ROOT):
        raise OSError(errno.EPERM, "")
    if target is process and number and _action(process, number) == "handler":
        return HANDLED
    kernel.send(target, number)
    return None


@syscall("pidfd_open")
def _pidfd_open(kernel: Kernel, process: Process, pid: int, flags: int) -> int:
    if pid <= 0 or flags & ~os.O_NONBLOCK:
        raise OSError(errno.EINVAL, "")
    if not kernel.proc:
        raise OSError(errno.ENOSYS, "")
    target = kernel.find(pid, process.namespace)
    if target is None:
        raise OSError(errno.ESRCH, "")
    if process_of(target) != pid:
        raise OSError(errno.ENOENT, "")  # EINVAL before Linux 6.9
    # The start time identifies the process: another may have the pid when the descriptor is used.
    return open_number(process, OpenFile(None, f"{PIDFD}{pid}:{target.start_ticks}", os.O_RDWR, 0))


def _behind(kernel: Kernel, process: Process, fd: int) -> tuple[int, Process | Stranger | None]:
    """The pid of a pidfd, and its process, or None if that is gone."""
    path = process.fds[fd].path if fd in process.fds else ""
    if not path.startswith(PIDFD):
        raise OSError(errno.EBADF, "")
    pid, start_ticks = named_by(path)
    target = kernel.find(pid, process.namespace)
    return pid, target if target is not None and target.start_ticks == start_ticks else None


@syscall("pidfd_send_signal")
def _pidfd_send_signal(kernel: Kernel, process: Process, fd: int, number: int) -> Any:
    pid, target = _behind(kernel, process, fd)
    if not 0 <= number < signal.NSIG:
        raise OSError(errno.EINVAL, "")
    if target is None:
        raise OSError(errno.ESRCH, "")
    return _kill(kernel, process, pid, number)


@syscall("select")
def _select(
    kernel: Kernel, process: Process, fds: tuple[int, ...], microseconds: int | None
) -> tuple[int, ...] | Blocked:
    """Wait until one of some processes has ended, by pidfd; answers the pidfds of those that have."""
    behind = {fd: _behind(kernel, process, fd)[1] for fd in fds}
    ended = tuple(fd for fd, target in behind.items() if target is None or is_zombie(target))
    if ended or microseconds is None:
        return ended or BLOCKED
    return () if _pass_time(kernel, process, microseconds) is None else BLOCKED


@waits_if("select")
def _select_waits(kernel: Kernel, process: Process, fds: tuple[int, ...], microseconds: int | None) -> bool:
    return microseconds is None and _select(kernel, process, fds, None) is BLOCKED


def deliver(kernel: Kernel, target: Process, number: int) -> None:
    """Deliver a signal to a process: what the kernel does at the moment it is sent."""
    if number == 0:
        return
    if number == signal.SIGKILL:
        kernel.end(target, Outcome("killed", "SIGKILL"))
    elif number == signal.SIGSTOP:
        target.stopped = True
    else:
        if number == signal.SIGCONT:
            _continue(kernel, target)
        action = _action(target, number)
        if action == "handler" or (action == "end" and target.stopped):
            # Several handlers run in the order of their numbers, and each once.
            target.signals = sorted({*target.signals, number})
        elif action == "stop":
            target.stopped = True
        elif action == "end":
            kernel.end(target, Outcome("killed", signal_name(number)))


def deliver_to_stranger(kernel: Kernel, target: Stranger, number: int) -> None:
    """Deliver a signal: SIGKILL and SIGTERM end a stranger with its threads, but no zombie and not pid 1."""
    if number in (signal.SIGKILL, signal.SIGTERM) and not target.zombie and target != INIT:
        for each in list(kernel.strangers.values()):
            if (process_of(each), each.namespace) == (process_of(target), target.namespace):
                del kernel.strangers[each.pid, each.namespace]
        if not kernel.machine.reaps:
            kernel.admit(target._replace(stopped=False, zombie=True))


def take_signal(kernel: Kernel, process: Process) -> int:
    """The first pending signal of a process, whose handler runs now."""
    stop_waiting(kernel, process)
    return process.signals.pop(0)


def _action(target: Process, number: int) -> str:
    """What a signal does to a process: ``handler``, ``ignored``, ``stop`` or ``end``."""
    disposition = disposition_of(target.dispositions, number)
    if disposition != "default":
        return disposition
    if number in IGNORED_BY_DEFAULT:
        return "ignored"
    return "stop" if number in STOPPING else "end"


def _continue(kernel: Kernel, target: Process) -> None:
    """Continue a stopped process: a signal that would have ended it meanwhile does so now."""
    target.stopped = False
    for number in target.signals:
        if _action(target, number) == "end":
            kernel.end(target, Outcome("killed", signal_name(number)))
            return


@syscall("sigaction")
def _sigaction(kernel: Kernel, process: Process, number: int, disposition: str) -> None:
    if number in NEVER_HANDLED:
        raise OSError(errno.EINVAL, "")
    process.dispositions[number] = disposition


@syscall("pause")
def _pause(kernel: Kernel, process: Process) -> Blocked:
    """Wait for a signal: its delivery ends the call, so it can never be made."""
    return BLOCKED


@waits_if("pause")
def _pause_waits(kernel: Kernel, process: Process) -> bool:
    return True


@syscall("serve")
def _serve(kernel: Kernel, process: Process) -> Blocked:
    """Be the gateway until a signal or the request to exit ends it."""
    return BLOCKED


@syscall("sleep")
def _sleep(kernel: Kernel, process: Process, microseconds: int) -> Blocked | None:
    return _pass_time(kernel, process, microseconds)


def _pass_time(kernel: Kernel, process: Process, microseconds: int) -> Blocked | None:
    """Let time pass for a process: at once, or if the beginning of its wait is known, once that is over."""
    if process.since is None:
        kernel.clock = kernel.clock.after(microseconds)
        return None
    return None if kernel.clock.monotonic >= process.since + microseconds else BLOCKED


def wakes_at(process: Process) -> int | None:
    """When a wait whose beginning is known is over, whatever other processes do; None if never."""
    call = process.pending
    if process.since is None or call is None or call.name not in ("sleep", "select"):
        return None
    return None if call.args[-1] is None else process.since + int(call.args[-1])


@syscall("clock")
def _clock(kernel: Kernel, process: Process, number: int) -> int:
    """The monotonic clock; that of ``CLOCK_BOOTTIME`` goes on while the machine is suspended."""
    return kernel.clock.since_boot if number == CLOCK_BOOTTIME else kernel.clock.monotonic


@syscall("wall")
def _wall(kernel: Kernel, process: Process) -> int:
    return kernel.now


@syscall("exit")
def _exit(kernel: Kernel, process: Process, code: int, outcome: Outcome) -> None:
    kernel.end(process, outcome)


@syscall("pid_exists")
def _pid_exists(kernel: Kernel, process: Process, pid: int) -> str:
    """The pid of the process that has a pid, or a thread with this id, as text; empty if there is none."""
    entry = kernel.find(pid, process.namespace)
    return "" if entry is None else str(process_of(entry))


@syscall("pids")
def _pids(kernel: Kernel, process: Process) -> tuple[str, ...]:
    return kernel.list_proc(process)


@syscall("inspect")
def _inspect(kernel: Kernel, process: Process, pid: int) -> tuple[Any, ...]:
    """What psutil reads: (argv, start time in ticks as text, uid, status, parent). ESRCH if it is gone."""
    entry = kernel.find(pid, process.namespace)
    if entry is None:
        raise OSError(errno.ESRCH, "")
    state = STATES[state_of(entry, process)]
    return (tuple(entry.argv), str(entry.start_ticks), entry.uid, state, parent_of(kernel, entry))
