"""Which steps no other process can see, so that their order among the others' steps does not matter.

Such a step commutes with every step and fault of the other processes: it reads what nobody changes and
changes what nobody reads. The search lets the process make it at once instead of branching. A step that
begins or ends ownership, or ends the process, is never one.

Unseen: closing a descriptor that holds no lock; syncing a file, unless power may be lost; reading ``/proc``
about oneself.

A signal that ends a process commutes with such a step as a kill does. One that is handled does not: the
handler may see what has been done. So in a search in which anybody sends a signal, no step of a process
that has a handler, or installs one with the step, is unseen.
"""

from __future__ import annotations

from typing import Any

from stateful.kernel.call import Call
from stateful.kernel.process import Entry


class Signalled(Exception):
    """Somebody sends a signal, which the search did not expect when it let unseen steps be made at once."""


def handles_signals(entry: Entry) -> bool:
    """Whether a process has asked for a handler of its own."""
    return any(disposition == "handler" for _, disposition in entry.dispositions)


def is_unseen(call: Call, own: Any, pid: int, locks_records: bool) -> bool:
    """Whether no other process can see a call, given the caller's own state of the kernel.

    ``locks_records`` says whether the caller holds any ``lockf`` lock, which closing a file may drop.
    """
    if call.name in ("fsync", "fdatasync"):
        return True
    if call.name in ("open", "stat", "readlink"):
        return _about_oneself(call.args[0], pid)
    if call.name in ("close", "read"):
        for fd, file in own[1]:
            if fd == call.args[0]:
                if file[0] == "proc":
                    return _about_oneself(file[1], pid)
                return call.name == "close" and file[3] is None and not locks_records
    return False


def _about_oneself(path: str, pid: int) -> bool:
    return path.startswith((f"/proc/{pid}/", "/proc/self/", "/proc/sys/", "/proc/stat"))
