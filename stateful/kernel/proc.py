"""``/proc``: the part of it by which programs tell one process from another."""

from __future__ import annotations

import errno
import stat as st
from typing import TYPE_CHECKING

from stateful.kernel.files import DEVICE, WRITABLE, OpenFile

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel, Stranger
    from stateful.kernel.process import Process

BOOT_ID = "6c1f2b9e-3f6d-4b0e-9a51-7d3c5e8f0a42"
BOOT_TIME_S = 1_700_000_000
TICKS_PER_S = 100
FILES = ("cmdline", "comm", "stat", "status")


def open_proc(kernel: Kernel, path: str, flags: int) -> OpenFile:
    """Open a file of ``/proc``: ENOENT where there is no such process or file, EACCES to write."""
    if flags & WRITABLE:
        raise OSError(errno.EACCES, "")
    if path not in _GLOBAL:
        _, name = _split(kernel, path)
        if name not in FILES:
            raise OSError(errno.ENOENT, "")
    return OpenFile(None, path, flags, 0)


def read_proc(kernel: Kernel, file: OpenFile, size: int) -> bytes:
    """Read on; what the file contains is made at the first read. ESRCH when the process is gone."""
    if file.content is None:
        if file.path in _GLOBAL:
            file.content = _GLOBAL[file.path].encode()
        else:
            pid = int(file.path.split("/")[2])
            entry = kernel.find(pid)
            if entry is None:
                raise OSError(errno.ESRCH, "")
            file.content = _content(entry, file.path.split("/")[3])
    data = file.content[file.offset :] if size < 0 else file.content[file.offset : file.offset + size]
    file.offset += len(data)
    return data


def stat_proc(kernel: Kernel, path: str) -> tuple[int, ...]:
    """``stat`` of a directory or file of ``/proc``."""
    if path in _GLOBAL or _split(kernel, path)[1] in FILES:
        return (st.S_IFREG | 0o444, 2, DEVICE, 1, 1000, 1000, 0, kernel.clock)
    if _split(kernel, path)[1] == "":
        return (st.S_IFDIR | 0o555, 2, DEVICE, 1, 1000, 1000, 0, kernel.clock)
    raise OSError(errno.ENOENT, "")


def readlink_proc(kernel: Kernel, path: str) -> str:
    """``readlink`` of ``exe`` or ``cwd`` of a process."""
    _, name = _split(kernel, path)
    try:
        return {"exe": "/usr/bin/python3", "cwd": "/"}[name]
    except KeyError:
        raise OSError(errno.ENOENT, "") from None


def list_proc(kernel: Kernel) -> tuple[str, ...]:
    """``listdir`` of ``/proc``: the pids."""
    return tuple(sorted(str(entry.pid) for entry in kernel.population()))


def _split(kernel: Kernel, path: str) -> tuple[Process | Stranger, str]:
    parts = path.split("/")
    entry = kernel.find(int(parts[2])) if parts[2].isdecimal() else None
    if entry is None or len(parts) > 4:
        raise OSError(errno.ENOENT, "")
    return entry, parts[3] if len(parts) == 4 else ""


def _content(entry: Process | Stranger, name: str) -> bytes:
    comm = entry.argv[0].rsplit("/", 1)[-1][:15]
    if name == "comm":
        return comm.encode() + b"\n"
    if name == "cmdline":
        return b"".join(argument.encode() + b"\0" for argument in entry.argv)
    state = "T" if entry.stopped else "S"
    if name == "status":
        uid = entry.uid
        return (
            f"Name:\t{comm}\nState:\t{state} (sleeping)\nTgid:\t{entry.pid}\nPid:\t{entry.pid}\n"
            f"PPid:\t1\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n"
        ).encode()
    after = [state, 1, entry.pid, entry.pid, 0, -1, 4194304, *[0] * 8, 20, 0, 1, 0, entry.start_ticks]
    fields = [entry.pid, f"({comm})", *after, *[0] * 30]
    return (" ".join(map(str, fields)) + "\n").encode()


_GLOBAL = {
    "/proc/sys/kernel/random/boot_id": f"{BOOT_ID}\n",
    "/proc/stat": f"cpu  0 0 0 0 0 0 0 0 0 0\nbtime {BOOT_TIME_S}\n",
    "/proc/sys/kernel/pid_max": "4194304\n",
}
