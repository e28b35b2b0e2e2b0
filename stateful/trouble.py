"""What the faults take off the duties of the processes that meet them.

A protocol owes less to somebody whom the world has hindered: who was told EIO may give up, and an owner
whose record was removed need not be found. ``at_most_one_owner`` and ``a_dead_owner_can_be_replaced`` are
owed whatever happens, but for a home that is gone: who was at work in it owns nothing of the next one.
"""

from __future__ import annotations

import errno
from typing import Final

from stateful.kernel.call_faults import CALL_FAULTS, ERRNOS

UNTROUBLED: Final = ""
CALLS: Final = "calls"  # a call of its failed, or the disk was full or read-only in its time
FILES: Final = "files"  # files of the home were changed in its time, by nobody
CLOCK: Final = "clock"  # the wall clock was set in its time, so a note of its may be out of date
HOMELESS: Final = "homeless"  # the home it was at work in is gone

CHANGES_FILES: Final = ("remove", "corrupt")
HOME_IS_GONE: Final = ("home-gone", "home-new")
AILING: Final = ("disk-full", "read-only")


def hinders(trouble: str) -> bool:
    """Whether a process in trouble may fail at what it is there for."""
    return trouble not in (UNTROUBLED, CLOCK)


def after_fault(kind: str, trouble: str) -> str:
    """The trouble of a living process after a fault that concerns it, or the machine."""
    if kind in HOME_IS_GONE:
        return HOMELESS
    if trouble == HOMELESS:
        return trouble
    if kind in CHANGES_FILES:
        return FILES
    if hinders(trouble):
        return trouble
    if kind in CALL_FAULTS or kind in AILING:
        return CALLS
    return CLOCK if kind == "clock" else trouble


def after_move(condition: str, trouble: str) -> str:
    """The trouble of a process that has moved, while the disk was in a condition."""
    return CALLS if condition and not hinders(trouble) else trouble


def excuses(trouble: str, code: int | None) -> bool:
    """Whether a process in trouble may end with an OSError with an errno: it passes on what it was told."""
    if trouble == CALLS:
        return code in ERRNOS.values()
    return trouble == HOMELESS and code in (errno.ENOENT, *ERRNOS.values())
