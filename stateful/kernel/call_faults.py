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

from stateful.kernel.call import Call, Errno
from stateful.kernel.files import is_there

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
    "sendfile": ("eio", "enospc"),
    "ftruncate": ("eio",),
    "truncate": ("eio", "erofs", "eacces"),
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
    "fchmod": ("eperm", "erofs"),
    "dup": ("emfile",),
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

_MAKES_A_NAME: Final = frozenset({"link", "symlink", "mkdir"})
_WRITES: Final = frozenset({"write", "pwrite", "sendfile"})
_CHANGES: Final = frozenset(
    {"rename", "ftruncate", "truncate", "unlink", "rmdir", "chmod", "fchmod", "utime", *_WRITES}
)


def denies(kernel: Kernel, call: Call) -> int | None:
    """The errno with which a disk that is full or read-only answers a call, or None.

    What is wrong with the call itself is answered first where Linux does so. On a full disk every write
    fails, also one over old bytes, as where nothing is written in place.
    """
    code = errno.ENOSPC if kernel.condition == "full" else errno.EROFS
    if call.name == "open":
        return code if _needs_more(kernel, *call.args[:2]) else None
    if call.name in _MAKES_A_NAME:
        return code if _could_make_a_name(kernel, call) else None
    if kernel.condition == "full":
        makes = call.name == "rename" and _could_make_a_name(kernel, call)
        return code if makes or call.name in _WRITES else None
    return code if call.name in _CHANGES else None


def _needs_more(kernel: Kernel, path: str, flags: int) -> bool:
    """Whether an open makes a file, or may change one on a disk that is read-only."""
    if path.startswith("/proc/"):
        return False
    if not is_there(kernel, path):
        return bool(flags & os.O_CREAT)
    changes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_TRUNC))
    return kernel.condition == "read-only" and changes and not (flags & os.O_CREAT and flags & os.O_EXCL)


def _could_make_a_name(kernel: Kernel, call: Call) -> bool:
    """Whether a call would make a new name, were the disk well."""
    *sources, new = (argument for argument in call.args[:2] if isinstance(argument, str))
    if call.name == "symlink":
        sources = []
    return not is_there(kernel, new) and all(is_there(kernel, source) for source in sources)
