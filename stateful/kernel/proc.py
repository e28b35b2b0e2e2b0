"""``/proc``: the part of it by which programs tell one process from another.

A machine without it has no such directory, and answers ENOSYS for a pidfd, as an old Linux does. It stands
in for macOS in so far as programs use psutil there; ``sys.platform`` and ``os`` stay those of Linux.
"""

from __future__ import annotations

import errno
import os
import stat as st
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from zlib import crc32

from stateful.kernel import real
from stateful.kernel.files import WRITABLE, OpenFile
from stateful.kernel.status import PROC_DEVICE, now
from stateful.model.call import UnmodelledSyscall
from stateful.model.machine import BOOT_ID, INIT, ROOT, SHELL, Stranger
from stateful.model.signal_target import PIDFD

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process

NAMESPACE = "ns/pid"
FIRST_NAMESPACE = 4_026_531_836  # of the initial pid namespace, on every Linux
LONGEST_COMM = 15
FILES = ("cmdline", "comm", "stat", "status")
STATES = {"R": "running", "S": "sleeping", "T": "stopped", "Z": "zombie"}


def open_proc(kernel: Kernel, process: Process, path: str, flags: int) -> OpenFile:
    """Open a file of ``/proc``: ENOENT if there is none, EACCES to write anything but a comm."""
    if flags & real.O_PATH:
        raise UnmodelledSyscall(f"the subject opened {path} with O_PATH, which is not modelled")
    name, entry = "", None
    if path not in _GLOBAL:
        entry, name = _split(kernel, process, path)
        if name not in FILES:
            raise OSError(errno.ENOENT, "")
    if flags & os.O_CREAT and flags & os.O_EXCL:
        raise OSError(errno.EEXIST, "")
    if flags & WRITABLE and (name != "comm" or entry is None or process.uid not in (entry.uid, ROOT)):
        raise OSError(errno.EACCES, "")
    return OpenFile(None, path, flags, 0)


def write_proc(kernel: Kernel, process: Process, file: OpenFile, data: bytes) -> int:
    """Write to a comm: a process may give itself a name of 15 bytes, and no other one: EINVAL."""
    if not file.flags & WRITABLE:
        raise OSError(errno.EBADF, "")
    if file.path.startswith(PIDFD) or int(file.path.split("/")[2]) != process.pid:
        raise OSError(errno.EINVAL, "")
    process.comm = os.fsdecode(data[:LONGEST_COMM].partition(b"\0")[0])
    return len(data)


def read_proc(kernel: Kernel, process: Process, file: OpenFile, size: int) -> bytes:
    """Read on; reading from the beginning generates the content. ESRCH if the process is gone."""
    if file.flags & WRITABLE == os.O_WRONLY:
        raise OSError(errno.EBADF, "")
    if file.path.startswith(PIDFD):
        raise OSError(errno.EINVAL, "")
    if file.content is None or file.offset == 0:
        file.content = _generate(kernel, process, file.path)
    data = file.content[file.offset :] if size < 0 else file.content[file.offset : file.offset + size]
    file.offset += len(data)
    return data


def pread_proc(kernel: Kernel, process: Process, file: OpenFile, size: int, offset: int) -> bytes:
    """Read at an offset, which the next ``read`` does not see."""
    if file.flags & WRITABLE == os.O_WRONLY:
        raise OSError(errno.EBADF, "")
    if file.path.startswith(PIDFD) or offset < 0:
        raise OSError(errno.EINVAL, "")
    return _generate(kernel, process, file.path)[offset : offset + size]


def seek_proc(kernel: Kernel, file: OpenFile, offset: int, whence: int) -> int:
    """Move the offset; these files have no end to count from."""
    if file.path.startswith(PIDFD):
        raise OSError(errno.ESPIPE, "")
    target = offset + (file.offset if whence == os.SEEK_CUR else 0)
    if whence not in (os.SEEK_SET, os.SEEK_CUR) or target < 0:
        raise OSError(errno.EINVAL, "")
    file.offset = target
    return target


def _generate(kernel: Kernel, process: Process, path: str) -> bytes:
    if path in _GLOBAL:
        return _GLOBAL[path](kernel).encode()
    _, _, pid, name = path.split("/")
    entry = kernel.find(int(pid), process.namespace)
    if entry is None:
        raise OSError(errno.ESRCH, "")
    return _content(entry, name, state_of(entry, process), parent_of(kernel, entry))


def state_of(entry: Process | Stranger, viewer: Process) -> str:
    """The state of a process as a letter: R, S, T or Z."""
    if is_zombie(entry):
        return "Z"
    return "T" if entry.stopped else "R" if entry is viewer else "S"


def is_zombie(entry: Process | Stranger | None) -> bool:
    """Whether an entry of the process table is a zombie."""
    return isinstance(entry, Stranger) and entry.zombie


def process_of(entry: Process | Stranger) -> int:
    """The pid of an entry's process: its own, unless it is a thread."""
    return (entry.process if isinstance(entry, Stranger) else 0) or entry.pid


def stat_proc(kernel: Kernel, process: Process, path: str) -> tuple[int, ...]:
    """``stat`` of a directory or file of ``/proc``."""
    times = (now(kernel),) * 3
    if path == "/proc":
        return (st.S_IFDIR | 0o555, 2, PROC_DEVICE, 1, 0, 0, 0, *times)
    if path in _GLOBAL:
        return (st.S_IFREG | 0o444, 2, PROC_DEVICE, 1, 0, 0, 0, *times)
    entry, name = _split(kernel, process, path)
    if name == NAMESPACE:
        _may_look(process, entry)
        return (st.S_IFREG | 0o444, _namespace(entry), PROC_DEVICE, 1, 0, 0, 0, *times)
    if name in FILES:
        mode = st.S_IFREG | (0o644 if name == "comm" else 0o444)
        return (mode, 2, PROC_DEVICE, 1, entry.uid, entry.uid, 0, *times)
    if name == "":
        return (st.S_IFDIR | 0o555, 2, PROC_DEVICE, 1, entry.uid, entry.uid, 0, *times)
    raise OSError(errno.ENOENT, "")


def readlink_proc(kernel: Kernel, process: Process, path: str) -> str:
    """``readlink`` of ``ns/pid`` of a process, and of ``exe`` and ``cwd``, which a zombie lacks."""
    entry, name = _split(kernel, process, path)
    folder = "/" if isinstance(entry, Stranger) else entry.folder_of_work
    links = {"exe": "/usr/bin/python3", "cwd": folder, NAMESPACE: f"pid:[{_namespace(entry)}]"}
    if name not in links:
        raise OSError(errno.ENOENT, "")
    _may_look(process, entry)
    if is_zombie(entry) and name != NAMESPACE:
        raise OSError(errno.ENOENT, "")
    return links[name]


def _may_look(process: Process, entry: Process | Stranger) -> None:
    if process.uid not in (entry.uid, ROOT):
        raise OSError(errno.EACCES, "")


def _namespace(entry: Process | Stranger) -> int:
    """The inode number of the pid namespace of a process."""
    return FIRST_NAMESPACE + (crc32(entry.namespace.encode()) % 10_000 + 1 if entry.namespace else 0)


def list_proc(kernel: Kernel, process: Process) -> tuple[str, ...]:
    """``listdir`` of ``/proc``: the pids. A thread is not listed, although a path leads to it."""
    listed = (entry for entry in kernel.population(process.namespace) if process_of(entry) == entry.pid)
    return tuple(sorted(str(entry.pid) for entry in listed))


def parent_of(kernel: Kernel, entry: Process | Stranger) -> int:
    """The pid of the parent of a process; the first one of a pid namespace has none there."""
    if entry.pid == INIT.pid:
        return 0
    has_shell = not isinstance(entry, Stranger) and (SHELL.pid, "") in kernel.strangers
    return SHELL.pid if has_shell else INIT.pid


def _split(kernel: Kernel, process: Process, path: str) -> tuple[Process | Stranger, str]:
    parts = path.split("/")
    entry = kernel.find(int(parts[2]), process.namespace) if parts[2].isdecimal() else None
    name = "/".join(parts[3:])
    if entry is None or ("/" in name and name != NAMESPACE):
        raise OSError(errno.ENOENT, "")
    return entry, name


def _content(entry: Process | Stranger, name: str, state: str, parent: int) -> bytes:
    given = "" if isinstance(entry, Stranger) else entry.comm
    comm = given or entry.argv[0].rsplit("/", 1)[-1][:LONGEST_COMM]
    if name == "comm":
        return os.fsencode(comm) + b"\n"
    comm = comm.replace("\\", "\\\\").replace("\n", "\\n")
    if name == "cmdline":
        if is_zombie(entry):
            return b""
        return b"".join(argument.encode() + b"\0" for argument in entry.argv)
    if name == "status":
        uid = entry.uid
        return (
            f"Name:\t{comm}\nState:\t{state} ({STATES[state]})\n"
            f"Tgid:\t{process_of(entry)}\nPid:\t{entry.pid}\nPPid:\t{parent}\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nNSpid:\t{entry.pid}\n"
        ).encode()
    group = process_of(entry)
    after = [group, group, 0, -1, 4194304, *[0] * 8, 20, 0, 1, 0, entry.start_ticks]
    fields = [entry.pid, f"({comm})", state, parent, *after, *[0] * 30]
    return (" ".join(map(str, fields)) + "\n").encode()


_GLOBAL: Final[dict[str, Callable[[Kernel], str]]] = {
    "/proc/sys/kernel/random/boot_id": lambda kernel: f"{BOOT_ID}{kernel.boots + 1}\n",
    "/proc/stat": lambda kernel: f"cpu  0 0 0 0 0 0 0 0 0 0\nbtime {kernel.clock.boot_time_s}\n",
    "/proc/sys/kernel/pid_max": lambda kernel: "4194304\n",
}
