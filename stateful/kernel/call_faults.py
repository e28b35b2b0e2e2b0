"""Faults of a call: the errno with which it fails instead of being made, or half a write.

``enospc-A`` befalls the call that A is about to make: it has no effect, and fails with that errno. ``close``
fails having closed, as on Linux. ``short-A`` writes half of what was to be written, and says so. EINTR is
only ``close``'s, since CPython repeats every other call that is interrupted.

Owed: an error that the protocol documents, or the errno itself. Never a second owner, and nothing in the
way of the next start.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, Final

from stateful.kernel import real
from stateful.kernel.call import Call, Errno

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process

ERRNOS: Final = {
    name: getattr(errno, name.upper())
    for name in ("eio", "enospc", "erofs", "eacces", "eperm", "emfile", "enolck", "eintr")
}
SHORT: Final = "short"
CALL_FAULTS: Final = (*ERRNOS, SHORT)

_MAKES_NAMES: Final = ("eio", "enospc", "erofs", "eacces")
_FAILS_WITH: Final[dict[str, tuple[str, ...]]] = {
    "read": ("eio",),
    "pread": ("eio",),
    "write": ("eio", "enospc", SHORT),
    "pwrite": ("eio", "enospc", SHORT),
    "ftruncate": ("eio",),
    "fsync": ("eio", "enospc"),
    "fdatasync": ("eio", "enospc"),
    "close": ("eio", "eintr"),
    "stat": ("eacces", "eio"),
    "readlink": ("eacces", "eio"),
    "listdir": ("eacces", "eio", "emfile"),
    "scandir": ("eacces", "eio", "emfile"),
    "unlink": ("eio", "erofs", "eacces"),
    "rmdir": ("eio", "erofs", "eacces"),
    "rename": _MAKES_NAMES,
    "link": (*_MAKES_NAMES, "eperm"),  # a file system without hard links
    "symlink": (*_MAKES_NAMES, "eperm"),
    "mkdir": _MAKES_NAMES,
    "chmod": ("eperm", "erofs"),
    "utime": ("eperm", "erofs"),
    "flock": ("enolck", "eio"),
    "lockf": ("enolck", "eio"),
    "kill": ("eperm",),
    "pidfd_open": ("emfile", "eperm"),
    "pidfd_send_signal": ("eperm",),
}


def faults_of(call: Call) -> tuple[str, ...]:
    """The faults that may befall a call."""
    if call.name == "open":
        path, flags, _ = call.args
        if path.startswith("/proc/"):
            return ("eacces", "emfile")
        writes = ("erofs",) if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) else ()
        return ("eacces", "emfile", "eio", *writes, *(("enospc",) if flags & os.O_CREAT else ()))
    faults = _FAILS_WITH.get(call.name, ())
    if call.name in ("write", "pwrite") and len(call.args[1]) < 2:
        return tuple(fault for fault in faults if fault != SHORT)
    if call.name in ("kill", "pidfd_send_signal") and call.args[1] == 0:
        return ()
    return faults


def suffer(kernel: Kernel, process: Process, call: Call, fault: str) -> Any:
    """What a call answers that a fault befalls."""
    if fault == SHORT:
        fd, data, *rest = call.args
        return kernel.perform(process, Call(call.name, (fd, data[: len(data) // 2], *rest)))
    if call.name == "close":
        kernel.perform(process, call)
    return Errno(ERRNOS[fault])


# -- a full or a read-only disk ------------------------------------------------------------------------------

_NEEDS_SPACE: Final = frozenset({"write", "pwrite", "link", "symlink", "mkdir", "rename"})
_CHANGES: Final = frozenset(
    {"write", "pwrite", "ftruncate", "truncate", "unlink", "rmdir", "chmod", "fchmod", "utime"}
)


def denies(kernel: Kernel, call: Call) -> int | None:
    """The errno with which a disk that is full or read-only answers a call, or None."""
    if call.name == "open":
        return _denies_open(kernel, *call.args[:2])
    if kernel.condition == "full":
        return errno.ENOSPC if call.name in _NEEDS_SPACE else None
    return errno.EROFS if call.name in _NEEDS_SPACE | _CHANGES else None


def _denies_open(kernel: Kernel, path: str, flags: int) -> int | None:
    if path.startswith("/proc/"):
        return None
    if flags & os.O_CREAT and not _is_there(kernel, path):
        return errno.ENOSPC if kernel.condition == "full" else errno.EROFS
    if kernel.condition == "read-only" and flags & (os.O_WRONLY | os.O_RDWR | os.O_TRUNC):
        return errno.EROFS
    return None


def _is_there(kernel: Kernel, path: str) -> bool:
    try:
        real.stat(kernel.root + path)
    except OSError:
        return False
    return True
