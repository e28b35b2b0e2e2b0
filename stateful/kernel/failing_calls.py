"""Failing calls: faults that are injected into a call, and what a full or a read-only disk denies.

``enospc-A`` makes A's next call fail: it has no effect, and answers that errno. ``close`` fails but closes
the file, as on Linux. ``short-A`` writes half of the bytes and answers their number. EINTR is injected only
into ``close``, since CPython repeats every other interrupted call.

Guaranteed: the process raises only an error that the protocol documents, or the errno itself. There is never
a second owner, and nothing blocks the next start.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from stateful.kernel.copies import left_to_read
from stateful.kernel.files import WRITABLE, is_nameless, is_there
from stateful.model.call import Call, Errno
from stateful.model.faults import ERRNOS, SHORT
from stateful.model.syscalls import ON_DISK, SYSCALLS, Kind, Use
from stateful.model.usage import cut_short, data_of, paths, source_of, use_of

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process

Failure = Callable[["Kernel", "Process", Call], Any]


def fail(kernel: Kernel, process: Process, call: Call, fault: str) -> Any:
    """The answer of a call with a fault injected."""
    return FAILURES[fault](kernel, process, call)


def _fail_with(code: int) -> Failure:
    def answer(kernel: Kernel, process: Process, call: Call) -> Errno:
        if use_of(call) & Use.RELEASES:
            kernel.perform(process, call)
        return Errno(code)

    return answer


def _cut_short(kernel: Kernel, process: Process, call: Call) -> Any:
    try:
        return kernel.perform(process, cut_short(call, _half(process, call)))
    except OSError:  # There is no file to copy from, so there is nothing to cut short.
        return kernel.perform(process, call)


FAILURES: Final[dict[str, Failure]] = {
    SHORT: _cut_short,
    **{name: _fail_with(code) for name, code in ERRNOS.items()},
}


def _half(process: Process, call: Call) -> int:
    """Half of the bytes that a call would write, but of one byte all: 0 would mean the end of a file."""
    data = data_of(call)
    if data is not None:
        return len(data) // 2
    source, position, size = source_of(call)
    whole = min(size, left_to_read(process, source, position))
    return max(whole // 2, min(whole, 1))


# -- a full or a read-only disk


def denies(kernel: Kernel, process: Process, call: Call) -> int | None:
    """The errno with which a disk that is full or read-only answers a call, or None.

    Errors of the call itself take precedence where they do on Linux. On a full disk every write fails, also
    one over old bytes, as on a file system that never writes in place.
    """
    full = kernel.condition == "full"
    code = errno.ENOSPC if full else errno.EROFS
    if SYSCALLS[call.name].has(Kind.FLAGS):
        return code if _needs_more(kernel, *call.args[:2]) else None
    use = use_of(call)
    if use & Use.MAKES and (full or not use & Use.TAKES):
        return code if _could_make_a_name(kernel, call) else None
    if use & Use.WRITES:
        return code if _writes(process, call) else None
    return code if not full and use & ON_DISK else None


def _writes(process: Process, call: Call) -> bool:
    """Whether a call would write any bytes, were the disk well."""
    file = process.fds.get(call.args[0])
    data = data_of(call)
    if file is None or not file.flags & WRITABLE or (data is None and file.flags & os.O_APPEND):
        return False
    try:
        return bool(_half(process, call)) if data is None else bool(data)
    except OSError:  # There is no file to copy from.
        return False


def _needs_more(kernel: Kernel, path: str, flags: int) -> bool:
    """Whether an open makes a file, or may change a file on a read-only disk."""
    if path.startswith("/proc/"):
        return False
    if is_nameless(flags):
        return is_there(kernel, path)
    if not is_there(kernel, path):
        return bool(flags & os.O_CREAT)
    changes = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_TRUNC))
    return kernel.condition == "read-only" and changes and not (flags & os.O_CREAT and flags & os.O_EXCL)


def _could_make_a_name(kernel: Kernel, call: Call) -> bool:
    """Whether a call would make a new name if the disk did not fail."""
    sources = set(paths(call)) - set(paths(call, Use.MAKES))
    return all(is_there(kernel, source) for source in sources) and not any(
        is_there(kernel, new) for new in paths(call, Use.MAKES)
    )
