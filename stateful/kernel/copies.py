"""The calls that copy from one open file to another."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from stateful.kernel import real
from stateful.kernel.files import (
    WRITABLE,
    fdkind,
    open_file,
    pread,
    read,
    real_fd,
    syscall,
    writable_fd,
    write,
)

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process


@syscall("sendfile")
def _sendfile(
    kernel: Kernel, process: Process, target: int, source: int, offset: int | None, size: int
) -> int:
    if open_file(process, source).flags & WRITABLE == 1:
        raise OSError(errno.EBADF, "")
    writable_fd(process, target)
    if open_file(process, target).flags & real.O_APPEND:
        raise OSError(errno.EINVAL, "")  # Linux does not splice into a file that is only added to.
    try:
        if offset is None:
            data = read(kernel, process, source, size)
        else:
            data = pread(kernel, process, source, size, offset)
    except IsADirectoryError:
        raise OSError(errno.EINVAL, "") from None
    return int(write(kernel, process, target, data))


@syscall("copy_file_range")
def _copy_file_range(
    kernel: Kernel,
    process: Process,
    target: int,
    source: int,
    offset: int | None,
    size: int,
    start: int | None,
) -> int:
    """Copy from an offset to another one. What the files and ranges have to be, the host itself says."""
    origin, copy = open_file(process, source), open_file(process, target)
    if origin.flags & WRITABLE == 1 and fdkind(kernel, process, target) != "dir":
        raise OSError(errno.EBADF, "")
    if origin.real is None or copy.real is None:
        raise OSError(errno.EXDEV if copy.flags & WRITABLE else errno.EBADF, "")
    copied = real.copy_file_range(origin.real, copy.real, size, offset, start)
    if copied:
        kernel.changed(copy.inode, process)
    return int(copied)


def left_to_read(process: Process, fd: int, offset: int | None) -> int:
    """How many bytes a file has after an offset; None means its current offset."""
    number = real_fd(process, fd)
    return max(0, real.fstat(number).st_size - (real.lseek(number, 0, 1) if offset is None else offset))
