"""Makes the calls of a subject for real: each is one plain call of the host, below one real directory.

Nothing of the simulated kernel's own tables is used: modes, locks, inode numbers, processes and signals are
the host's. The only state kept here is the name by which each descriptor was opened.

Not the host's: the order of the names in a folder, which is that of the simulation; and the time. The clock
stands still until a process sleeps, and sleeping takes no real time, as in the simulation; a call that
changes a file dates the file by that clock. A blocking lock really blocks; a wait with a time-out does not.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat as st
from collections.abc import Callable, Iterable
from typing import Any, Final

from stateful.host import process_table
from stateful.kernel.files import OpenFile, is_nameless
from stateful.kernel.signals import CLOCK_BOOTTIME
from stateful.kernel.status import MICROSECOND
from stateful.model.call import Call, Errno
from stateful.model.clock import START
from stateful.model.listing import SORTED, put_in_order

Orders = tuple[tuple[str, str], ...]
CHUNK_BYTES: Final = 65536
_BOOT_TIME: Final = re.compile(rb"(?m)^btime [0-9]+")


class Sandbox:
    """What the calls of one real process act on.

    Attributes:
        root: the real directory that the process sees as ``/``.
        files: the open file behind each of its descriptors: by which name it was opened.
        signals: signals that have arrived and whose handlers have not run yet.
        changed: signals whose disposition the process has set.
        clock: the time of the clocks that stand still.
        orders: the order in which folders list their names, if it is not the sorted one.
        ticks: since when, by the host's own clock, they have had which time.
    """

    def __init__(self, root: str, files: dict[int, OpenFile]) -> None:
        self.root = root
        self.files = files
        self.signals: set[int] = set()
        self.changed: set[int] = set()
        self.clock = START
        self.orders: Orders = ()
        self.ticks: tuple[tuple[int, int], ...] = ()

    def where(self, path: str) -> str:
        """The real path of a virtual one."""
        return path if path == "/proc" or path.startswith("/proc/") else self.root + path

    def in_order(self, folder: str, names: Iterable[str]) -> list[str]:
        """The names in a folder in the order in which it lists them."""
        return put_in_order(names, dict(self.orders).get(folder, SORTED))

    def note(self, number: int, frame: Any = None) -> None:
        """Note a signal that the subject handles; its own handler runs when the play says so."""
        self.signals.add(number)

    def pass_time(self, microseconds: int) -> None:
        """Move the clock on, which the process may read before the play tells it the time again."""
        self.clock = self.clock.after(microseconds)

    def date(self, file: int | str, *, made: bool = False) -> None:
        """Date a changed file, or one just made, by the clock that stands still; not one of ``/proc``."""
        if isinstance(file, int) and self.files[file].path.startswith("/proc/"):
            return
        now, follow = self.clock.wall * MICROSECOND, isinstance(file, int)
        accessed = now if made else os.stat(file, follow_symlinks=follow).st_atime_ns
        os.utime(file, ns=(accessed, now), follow_symlinks=follow)

    def date_folder(self, path: str) -> None:
        """Date the folder in which a name was made or removed."""
        with contextlib.suppress(PermissionError):  # It is another user's, who lets all make names there.
            self.date(os.path.realpath(self.where(os.path.dirname(path))))

    def by_its_clock(self, moment: int) -> int:
        """What the clock that stands still said at a moment of the host's own clock."""
        times = [wall for since, wall in self.ticks if since <= moment]
        return (times[-1] if times else self.clock.wall) * MICROSECOND


def perform(sandbox: Sandbox, call: Call) -> Any:
    """Make a call; return its answer, or its errno."""
    try:
        return MADE_FOR_REAL[call.name](sandbox, *call.args)
    except OSError as error:
        if error.errno is None:
            raise
        return Errno(error.errno)


# -- files ----------------------------------------------------------------------------------------------


def _open(sandbox: Sandbox, path: str, flags: int, mode: int) -> int:
    makes = bool(flags & os.O_TRUNC) or (flags & os.O_CREAT and not os.path.exists(sandbox.where(path)))
    makes = (makes or is_nameless(flags)) and not flags & os.O_PATH
    named = makes and not os.path.lexists(sandbox.where(path))
    fd = os.open(sandbox.where(path), flags, mode)
    sandbox.files[fd] = OpenFile(fd, path, flags, 0)
    if makes:
        sandbox.date(fd, made=named or is_nameless(flags))
    if named:
        sandbox.date_folder(path)
    return fd


def _close(sandbox: Sandbox, fd: int) -> None:
    sandbox.files.pop(fd, None)
    os.close(fd)


def _dup(sandbox: Sandbox, fd: int) -> int:
    new = os.dup(fd)
    sandbox.files[new] = sandbox.files[fd]
    return new


def _read(sandbox: Sandbox, fd: int, size: int) -> bytes:
    if size >= 0:
        return _dated(sandbox, fd, os.read(fd, size))
    chunks = []
    while chunk := os.read(fd, CHUNK_BYTES):
        chunks.append(chunk)
    return _dated(sandbox, fd, b"".join(chunks))


def _dated(sandbox: Sandbox, fd: int, content: bytes) -> bytes:
    """What is read of ``/proc/stat``, with the time of the boot as it is by the clocks that stand still."""
    if sandbox.files[fd].path != "/proc/stat":
        return content
    return _BOOT_TIME.sub(b"btime %d" % sandbox.clock.boot_time_s, content)


def _write(sandbox: Sandbox, fd: int, data: bytes) -> int:
    written = os.write(fd, data)
    sandbox.date(fd)
    return written


def _pwrite(sandbox: Sandbox, fd: int, data: bytes, offset: int) -> int:
    written = os.pwrite(fd, data, offset)
    sandbox.date(fd)
    return written


def _sendfile(sandbox: Sandbox, target: int, source: int, offset: int | None, size: int) -> int:
    written = os.sendfile(target, source, offset, size)
    sandbox.date(target)
    return written


def _copy_file_range(
    sandbox: Sandbox, target: int, source: int, offset: int | None, size: int, start: int | None
) -> int:
    copied = os.copy_file_range(source, target, size, offset, start)
    if copied:
        sandbox.date(target)
    return copied


def _ftruncate(sandbox: Sandbox, fd: int, length: int) -> None:
    os.ftruncate(fd, length)
    sandbox.date(fd)


def _chdir(sandbox: Sandbox, path: str) -> str:
    """Work in a folder; its path without symbolic links. The simulation resolves relative paths."""
    os.chdir(sandbox.where(path))
    return os.getcwd().removeprefix(os.path.realpath(sandbox.root)) or "/"


def _fdpath(sandbox: Sandbox, fd: int) -> str:
    """The path by which a descriptor was opened; empty for a standard stream."""
    if fd not in sandbox.files and fd > 2:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return sandbox.files[fd].path if fd in sandbox.files else ""


# -- names ----------------------------------------------------------------------------------------------


def _status(sandbox: Sandbox, raw: os.stat_result) -> tuple[int, ...]:
    """The host itself stamps what is not content, when it is changed; that time cannot be set."""
    return (*raw[:7], raw.st_atime_ns, raw.st_mtime_ns, sandbox.by_its_clock(raw.st_ctime_ns))


def _stat(sandbox: Sandbox, path: str, follow: bool) -> tuple[int, ...]:
    return _status(sandbox, os.stat(sandbox.where(path), follow_symlinks=follow))


def _unlink(sandbox: Sandbox, path: str) -> None:
    os.unlink(sandbox.where(path))
    sandbox.date_folder(path)


def _rmdir(sandbox: Sandbox, path: str) -> None:
    os.rmdir(sandbox.where(path))
    sandbox.date_folder(path)


def _rename(sandbox: Sandbox, source: str, target: str) -> None:
    os.rename(sandbox.where(source), sandbox.where(target))
    sandbox.date_folder(source)
    sandbox.date_folder(target)


def _truncate(sandbox: Sandbox, path: str, length: int) -> None:
    os.truncate(sandbox.where(path), length)
    sandbox.date(os.path.realpath(sandbox.where(path)))


def _link(sandbox: Sandbox, file: str | int, target: str) -> None:
    where = sandbox.where(target)
    if isinstance(file, int):
        os.link(f"/proc/self/fd/{file}", where, src_dir_fd=file, follow_symlinks=True)
    else:
        os.link(sandbox.where(file), where, follow_symlinks=False)
    sandbox.date_folder(target)


def _symlink(sandbox: Sandbox, target: str, path: str) -> None:
    os.symlink(sandbox.where(target) if target.startswith("/") else target, sandbox.where(path))
    sandbox.date(sandbox.where(path), made=True)
    sandbox.date_folder(path)


def _mkdir(sandbox: Sandbox, path: str, mode: int) -> None:
    os.mkdir(sandbox.where(path), mode)
    sandbox.date(sandbox.where(path), made=True)
    sandbox.date_folder(path)


def _scandir(sandbox: Sandbox, path: str) -> tuple[tuple[str, str], ...]:
    with os.scandir(sandbox.where(path)) as entries:
        kinds = {
            entry.name: "link" if entry.is_symlink() else "dir" if entry.is_dir() else "file"
            for entry in entries
        }
    return tuple((name, kinds[name]) for name in sandbox.in_order(path, kinds))


def _listdir(sandbox: Sandbox, path: str) -> tuple[str, ...]:
    if path == "/proc":
        return process_table.pids(sandbox)
    return tuple(sandbox.in_order(path, os.listdir(sandbox.where(path))))


def _utime(sandbox: Sandbox, file: int | str, mtime: int | None, atime: int | None) -> None:
    now = sandbox.clock.wall * MICROSECOND
    times = (now if atime is None else atime, now if mtime is None else mtime)
    os.utime(sandbox.where(file) if isinstance(file, str) else file, ns=times)


MADE_FOR_REAL: Final[dict[str, Callable[..., Any]]] = {
    "open": _open,
    "close": _close,
    "dup": _dup,
    "read": _read,
    "pread": lambda sandbox, fd, size, offset: os.pread(fd, size, offset),
    "write": _write,
    "pwrite": _pwrite,
    "sendfile": _sendfile,
    "copy_file_range": _copy_file_range,
    "lseek": lambda sandbox, fd, offset, whence: os.lseek(fd, offset, whence),
    "ftruncate": _ftruncate,
    "fsync": lambda sandbox, fd: os.fsync(fd),
    "fdatasync": lambda sandbox, fd: os.fdatasync(fd),
    "fdkind": lambda sandbox, fd: "dir" if st.S_ISDIR(os.fstat(fd).st_mode) else "file",
    "fdpath": _fdpath,
    "getfl": lambda sandbox, fd: fcntl.fcntl(fd, fcntl.F_GETFL),
    "fstat": lambda sandbox, fd: _status(sandbox, os.fstat(fd)),
    "flock": lambda sandbox, fd, operation: fcntl.flock(fd, operation),
    "lockf": lambda sandbox, fd, operation, length, start, whence: fcntl.lockf(
        fd, operation, length, start, whence
    ),
    "stat": _stat,
    "chdir": _chdir,
    "access": lambda sandbox, path, mode: os.access(sandbox.where(path), mode, effective_ids=True),
    "truncate": _truncate,
    "unlink": _unlink,
    "rename": _rename,
    "link": _link,
    "symlink": _symlink,
    "readlink": lambda sandbox, path: os.readlink(sandbox.where(path)).removeprefix(sandbox.root),
    "mkdir": _mkdir,
    "rmdir": _rmdir,
    "listdir": _listdir,
    "scandir": _scandir,
    "chmod": lambda sandbox, path, mode: os.chmod(sandbox.where(path), mode),
    "fchmod": lambda sandbox, fd, mode: os.fchmod(fd, mode),
    "chown": lambda sandbox, path, uid, gid, follow: os.chown(
        sandbox.where(path), uid, gid, follow_symlinks=follow
    ),
    "fchown": lambda sandbox, fd, uid, gid: os.fchown(fd, uid, gid),
    "utime": _utime,
    "umask": lambda sandbox, mask: os.umask(mask),
    "kill": process_table.kill,
    "pidfd_open": process_table.open_pidfd,
    "pidfd_send_signal": process_table.send_by_pidfd,
    "select": process_table.wait,
    "sigaction": process_table.set_disposition,
    "sleep": lambda sandbox, microseconds: sandbox.pass_time(microseconds),
    "clock": lambda sandbox, number: (
        sandbox.clock.since_boot if number == CLOCK_BOOTTIME else sandbox.clock.monotonic
    ),
    "wall": lambda sandbox: sandbox.clock.wall,
    "pid_exists": process_table.pid_exists,
    "pids": process_table.pids,
    "inspect": process_table.inspect,
}
