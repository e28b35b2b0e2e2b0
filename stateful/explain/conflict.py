"""What a step touches, and whether it changes that: two steps that conflict may not be exchanged."""

from __future__ import annotations

from typing import Final

from stateful.model.call import Errno
from stateful.model.signal_target import PIDFD, pid_of
from stateful.model.syscalls import CHANGES, NAMES, Use
from stateful.model.trace import Step, Trace
from stateful.model.usage import row, sends_signal

PROC: Final = "/proc"
_NAMES_IN: Final = "/*"  # after the path of a folder: the names in it


def touched(trace: Trace, step: Step) -> dict[str, bool]:
    """What a step touches, and whether it changes that: paths, and processes as ``/proc/<pid>``.

    The names in a folder, as ``<folder>/*``, are touched by a call that lists them, and changed by one that
    makes one of them or takes one away.
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
    """Whether it matters in which order something is touched twice, given which of the two changes it.

    Two calls may make or take away names in one folder in any order, unless it is the same name.
    """
    return one != other if what.endswith(_NAMES_IN) else one or other


def conflict(trace: Trace, one: Step, other: Step) -> bool:
    """Whether two steps touch the same thing and one of them changes it."""
    first, second = touched(trace, one), touched(trace, other)
    return any(clash(what, changes, second[what]) for what, changes in first.items() if what in second)
