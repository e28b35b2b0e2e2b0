"""The faults: what the world may do, as schedules write it. What each does, the kernel says.

A fault of a call (``enospc-A``) befalls the next call of a process; a fault of the machine
(``recycle-99``) befalls all of it. Signals (``crash-A``, ``term-A``) are in ``schedule``.
"""

from __future__ import annotations

import errno
from typing import Final, NamedTuple

from stateful.model.hostile import HOSTILE, IN_ITS_PLACE

ERRNOS: Final = {
    name: getattr(errno, name.upper())
    for name in ("eio", "enospc", "erofs", "eacces", "eperm", "emfile", "enolck", "eintr")
}
SHORT: Final = "short"
CALL_FAULTS: Final = (*ERRNOS, SHORT)

POWER_LOSS: Final = "power-loss"
ORDERED, WRITEBACK, POSIX = "ordered", "writeback", "posix"
PROFILES: Final = (ORDERED, WRITEBACK, POSIX)  # each allows all that those before it do, and more

OF_A_PID: Final = ("recycle", "lookalike")
_PID: Final = r"(?P<letter>[A-Z])|[1-9][0-9]{0,9}"
_FILE: Final = r"(?!\.{1,2}(?:=|$))[^/\s=]{1,200}"
_CONTENT: Final = rf"(?:{'|'.join((*HOSTILE, *IN_ITS_PLACE))}|0x(?:[0-9a-f]{{2}})*)"


class Fault(NamedTuple):
    """A fault of the machine: how it is written.

    Attributes:
        joint: what stands between its name and what follows.
        detail: the pattern of what follows; a group ``letter`` names a process.
    """

    name: str
    joint: str = ""
    detail: str = ""
    example: str = ""


WORLD: Final[dict[str, Fault]] = {
    fault.name: fault._replace(example=f"{fault.name}{fault.joint}{fault.example}")
    for fault in (
        Fault("recycle", "-", _PID, "99"),
        Fault("lookalike", "-", _PID, "99"),
        Fault("reboot"),
        Fault(POWER_LOSS, "-", rf"(?:{'|'.join(PROFILES)})-[1-9][0-9]{{0,5}}", f"{WRITEBACK}-3"),
        Fault("clock", "", r"[+-][1-9][0-9]{0,8}", "+60"),
        Fault("disk-full"),
        Fault("read-only"),
        Fault("disk-well"),
        Fault("remove", "-", _FILE, "gateway.lock"),
        Fault("home-gone"),
        Fault("home-new"),
        Fault("corrupt", "-", rf"{_FILE}={_CONTENT}", "gateway.pid=torn"),
    )
}
