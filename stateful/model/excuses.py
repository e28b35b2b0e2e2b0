"""What the faults take off the duties of the processes that meet them.

A protocol owes less to somebody whom the world has hindered: who was told EIO may give up, and an owner
whose record was removed need not be found. ``at_most_one_owner`` and ``a_dead_owner_can_be_replaced`` are
owed whatever happens, with one exception. Who was at work in a home that is gone owns nothing of the next
one; nor does an owner of whose files one was taken away and another one was changed too, since by then
nothing on the disk need tell of it.
"""

from __future__ import annotations

import errno
from typing import Final

from stateful.model.faults import CALL_FAULTS, ERRNOS
from stateful.model.hostile import IN_ITS_PLACE

UNTROUBLED: Final = ""
CALLS: Final = "calls"  # a call of its failed, or the disk was ailing in its time
FILES: Final = "files"  # contents in the home were changed in its time, by nobody; with the file's name
SEVERAL: Final = "/"  # instead of the name of one file
CLOCK: Final = "clock"  # the wall clock was set in its time, so a note of its may be out of date
TAKEN: Final = "taken"  # a file of the home was taken away in its time, by nobody; with its name
HOMELESS: Final = "homeless"  # the home it was at work in is gone, or too much of it to tell

HOME_IS_GONE: Final = ("home-gone", "home-new")
AILING: Final = ("disk-full", "read-only")


def hinders(trouble: str) -> bool:
    """Whether a process in trouble may fail at what it is there for."""
    return trouble not in (UNTROUBLED, CLOCK)


def after_fault(kind: str, detail: str, trouble: str) -> str:
    """The trouble of a living process after a fault that concerns it, or the machine."""
    if kind in HOME_IS_GONE or trouble == HOMELESS:
        return HOMELESS
    if kind in ("remove", "corrupt"):
        takes_away = kind == "remove" or detail.endswith(IN_ITS_PLACE)
        return _after_change(detail.partition("=")[0], takes_away, trouble)
    if hinders(trouble):
        return trouble
    if kind in CALL_FAULTS or kind in AILING:
        return CALLS
    return CLOCK if kind == "clock" else trouble


def _after_change(name: str, takes_away: bool, trouble: str) -> str:
    """The trouble of a living process after a file has been taken away, or its content changed."""
    what, _, before = trouble.partition(" ")
    if what == TAKEN:
        return trouble if name == before else HOMELESS
    if not takes_away:
        return f"{FILES} {name}" if what != FILES or name == before else f"{FILES} {SEVERAL}"
    return HOMELESS if what == FILES and name != before else f"{TAKEN} {name}"


def files_changed(trouble: str) -> bool:
    """Whether files of the home were changed in the time of a process in trouble."""
    return trouble.partition(" ")[0] in (FILES, TAKEN, HOMELESS)


def after_move(ailing: bool, trouble: str) -> str:
    """The trouble of a process that has moved, on a disk that may have been ailing."""
    return CALLS if ailing and not hinders(trouble) else trouble


def excuses(trouble: str, code: int | None) -> bool:
    """Whether a process in trouble may end with an OSError with an errno: it passes on what it was told."""
    if trouble == CALLS:
        return code in ERRNOS.values()
    return trouble == HOMELESS and code in (errno.ENOENT, *ERRNOS.values())
