"""Signals, sleeping, ending: the calls about processes.

A handler runs in the target before the target's next call, as CPython runs it; without one, a signal
that ends a process ends it at once, and its exit handlers do not run.
"""

from __future__ import annotations

import errno
import signal
from typing import TYPE_CHECKING, Any

from stateful.kernel.call import BLOCKED, Blocked, UnmodelledSyscall
from stateful.kernel.files import syscall
from stateful.kernel.process import Outcome

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process

IGNORED_BY_DEFAULT = frozenset({signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGCONT})
STOPPING = frozenset({signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU})


@syscall("kill")
def _kill(kernel: Kernel, process: Process, pid: int, number: int) -> None:
    if not 0 <= number < signal.NSIG:
        raise OSError(errno.EINVAL, "")
    if pid <= 0:
        if number == 0:
            return  # There is always somebody in one's own group.
        raise UnmodelledSyscall(
            f"the subject called os.kill({pid}, {number}), which signals a group of processes: "
            "no gateway may do that; read the pid's sign before signalling"
        )
    target = kernel.find(pid)
    if target is None:
        raise OSError(errno.ESRCH, "")
    if target.uid != process.uid:
        raise OSError(errno.EPERM, "")
    kernel.send(pid, number)


def deliver(kernel: Kernel, target: Process, number: int) -> None:
    """What the kernel does with a signal the moment it is sent."""
    if number == 0:
        return
    if number == signal.SIGKILL:
        kernel.end(target, Outcome("killed", "SIGKILL"))
    elif number == signal.SIGCONT:
        target.stopped = False
    elif number == signal.SIGSTOP:
        target.stopped = True
    else:
        disposition = target.dispositions.get(number, "default")
        if disposition == "handler":
            if number not in target.signals:
                target.signals.append(number)
        elif disposition == "default" and number in STOPPING:
            target.stopped = True
        elif disposition == "default" and number not in IGNORED_BY_DEFAULT:
            kernel.end(target, Outcome("killed", signal.Signals(number).name))


@syscall("sigaction")
def _sigaction(kernel: Kernel, process: Process, number: int, disposition: str) -> None:
    if number in (signal.SIGKILL, signal.SIGSTOP):
        raise OSError(errno.EINVAL, "")
    process.dispositions[number] = disposition


@syscall("pause")
def _pause(kernel: Kernel, process: Process) -> Blocked:
    """Wait for a signal: its delivery ends the call, so it can never be made."""
    return BLOCKED


@syscall("serve")
def _serve(kernel: Kernel, process: Process) -> Blocked:
    """Be the gateway until a signal or the request to exit ends it."""
    return BLOCKED


@syscall("sleep")
def _sleep(kernel: Kernel, process: Process, microseconds: int) -> None:
    kernel.clock += microseconds


@syscall("clock")
def _clock(kernel: Kernel, process: Process) -> int:
    return kernel.clock


@syscall("exit")
def _exit(kernel: Kernel, process: Process, code: int, outcome: Outcome) -> None:
    kernel.end(process, outcome)


@syscall("pid_exists")
def _pid_exists(kernel: Kernel, process: Process, pid: int) -> bool:
    return kernel.find(pid) is not None


@syscall("inspect")
def _inspect(kernel: Kernel, process: Process, pid: int) -> tuple[Any, ...]:
    """What psutil reads of a process: (argv, start time in ticks as text, uid, status). ESRCH where it is gone."""
    entry = kernel.find(pid)
    if entry is None:
        raise OSError(errno.ESRCH, "")
    return (tuple(entry.argv), str(entry.start_ticks), entry.uid, "stopped" if entry.stopped else "sleeping")
