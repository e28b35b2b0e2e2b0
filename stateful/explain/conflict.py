"""Conflicts: what a step touches and changes, and which pairs of steps do not commute."""

from __future__ import annotations

from typing import Final

from stateful.model.call import Errno
from stateful.model.signal_target import PIDFD, pid_of
from stateful.model.syscalls import CHANGES, NAMES, Use
from stateful.model.trace import Step, Trace
from stateful.model.usage import row, sends_signal

PROC: Final = "/proc"
_NAMES_IN: Final = "/*"  # appended to the path of a folder: the names in it


def touched(trace: Trace, step: Step) -> dict[str, bool]:
    """The paths that a step touches, and whether it changes them; a process is ``/proc/<pid>``.

    ``<folder>/*`` stands for the names in a folder: a call that lists them touches it, and a call that makes
    or takes away one of them changes it.
    """
    call = step.call
    if call is None:
        return {}
    succeeds = not isinstance(step.answer, Errno)
    touches: dict[str, bool] = {}
    for path, use in step.uses():
        if path.startswith(PIDFD):
            continue
        if path.startswith(f"{PROC}/"):
            path, use = "/".join(path.split("/")[:3]), use & ~CHANGES
        touches[path] = touches.get(path, False) or (succeeds and bool(use & CHANGES))
        if use & NAMES and succeeds:
            touches[path.rpartition("/")[0] + _NAMES_IN] = True
        if use & Use.LISTS:
            touches[path + _NAMES_IN] = False
    said, pid = row(call), pid_of(call, step.path)
    if pid is not None:
        touches[f"{PROC}/{abs(pid)}"] = succeeds and sends_signal(call)
    if said.lists_processes:
        touches[PROC + _NAMES_IN] = False
    if said.ends:
        touches |= {f"{PROC}/{trace.pids[step.move.letter]}": True, PROC + _NAMES_IN: True}
    return touches


def clash(what: str, one: bool, other: bool) -> bool:
    """Whether the order of two accesses to the same thing matters, given which of them changes it.

    Two calls that make or take away names in one folder commute, unless it is the same name.
    """
    return one != other if what.endswith(_NAMES_IN) else one or other


def conflict(trace: Trace, one: Step, other: Step) -> bool:
    """Whether two steps touch the same thing and at least one changes it."""
    first, second = touched(trace, one), touched(trace, other)
    return any(clash(what, changes, second[what]) for what, changes in first.items() if what in second)
