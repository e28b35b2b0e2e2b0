"""The lock file contains the owner's pid and start time; a replace ends that process by a pidfd."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

GRACE_S = 1


class Owner(NamedTuple):
    """The content of the lock file."""

    pid: int
    start_time: int


def gateway(home: Path, serve: Callable[[], None], *, replace: bool = False) -> None:
    fd = open_lock(home / "gateway.lock")
    if not lock(fd):
        if not replace:
            return
        end(read_owner(fd))
        fcntl.flock(fd, fcntl.LOCK_EX)
    publish(fd, os.getpid())
    serve()
    os.ftruncate(fd, 0)


def running_pid(home: Path, *, clean_up: bool = True) -> int | None:
    try:
        fd = os.open(home / "gateway.lock", os.O_RDONLY)
    except FileNotFoundError:
        return None
    owner = read_owner(fd)
    return owner.pid if owner is not None and start_time(owner.pid) == owner.start_time else None


def open_lock(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_RDWR, 0o600)


def lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def publish(fd: int, pid: int) -> None:
    os.ftruncate(fd, 0)
    os.lseek(fd, 0, os.SEEK_SET)
    content = b"%d %d" % (pid, start_time(pid) or 0)
    while content:
        content = content[os.write(fd, content) :]


def read_owner(fd: int) -> Owner | None:
    try:
        pid, since = map(int, os.pread(fd, 100, 0).split())
    except ValueError:
        return None
    return Owner(pid, since)


def start_time(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(stat.rpartition(")")[2].split()[19])


def end(owner: Owner | None) -> None:
    """Terminate the owner; kill it if it does not end within the grace period."""
    with contextlib.suppress(ProcessLookupError):
        if owner is None:
            return
        fd = os.pidfd_open(owner.pid)
        if start_time(owner.pid) == owner.start_time:
            signal.pidfd_send_signal(fd, signal.SIGTERM)
            if not select.select([fd], [], [], GRACE_S)[0]:
                signal.pidfd_send_signal(fd, signal.SIGKILL)
