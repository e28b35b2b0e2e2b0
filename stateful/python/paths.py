"""Which paths belong to the simulated machine, and which to the host on which the code is installed.

The subject's own source, the standard library and installed packages are on the host, and are only
read. Every other path is inside the kernel's temporary directory.
"""

from __future__ import annotations

import os
import posixpath
import re
import sys
import sysconfig
from typing import TYPE_CHECKING, Any

from stateful.python.refusal import LEAVE_IT_OUT, refuse

if TYPE_CHECKING:
    from stateful.python.interpreter import Interpreter

_SIMULATED = ("/home/user", "/home/guest", "/tmp", "/run", "/proc")
_ABOVE_THE_HOME = ("/home/user", "/home/guest", "/run", "/proc")
_ELSEWHERE = ("/boot/", "/dev/", "/etc/", "/opt/", "/srv/", "/sys/", "/usr/", "/var/")
# Files that every real machine has and the simulated one lacks: their absence could mislead a subject.
_NOT_THERE = re.compile(
    r"/etc/(machine-id|hostname|hosts|os-release|passwd|group)"
    r"|/proc/(locks|version|uptime|loadavg|meminfo|cpuinfo|mounts|filesystems|cmdline|net(/.*)?)"
    r"|/proc/[0-9]+/(auxv|cgroup|environ|fd|fdinfo|io|limits|maps|mountinfo|mounts|net|oom_score_adj|sched|smaps"
    r"|statm|task|wchan)(/.*)?"
)
_TIME_ZONES = ("/usr/share/zoneinfo", "/etc/localtime", "/etc/mime.types")


# What an ordinary machine has beside files of its users: folders of programs, and some programs.
_PROGRAMS = frozenset(
    (
        "awk bash cat chmod cp cut date df echo env expr false find flock grep head hostname id kill ln ls "
        "mkdir mv nohup pgrep pidof pkill ps python3 readlink rm rmdir sed sh sleep sort stat tail tee test "
        "timeout touch tr true uname wc which whoami"
    ).split()
)
_FOLDERS_OF_PROGRAMS = ("/bin", "/sbin", "/usr", "/usr/bin", "/usr/local", "/usr/local/bin", "/usr/sbin")


def _installed() -> tuple[str, ...]:
    folders = {*sysconfig.get_paths().values(), sys.prefix, sys.base_prefix, *sys.path}
    folders |= {posixpath.realpath(folder) for folder in folders}
    return tuple(
        sorted(
            f"{folder}/"
            for folder in folders
            if folder.startswith("/")
            and folder.count("/") > 1
            and not any(f"{path}/".startswith(f"{folder}/") for path in _SIMULATED)
        )
    ) + tuple(f"{path}/" for path in _TIME_ZONES)


_host_folders = _installed()


def add_host_folder(folder: str) -> None:
    """Count a folder, such as the one that a subject lies in, as part of the host."""
    global _host_folders
    if f"{folder}/" not in _host_folders:
        _host_folders = (*_host_folders, f"{folder}/")


def on_host(path: str) -> bool:
    """Whether a path belongs to the host, where processes may only read."""
    return f"{path}/".startswith(_host_folders)


def is_program(path: str) -> bool:
    """Whether a path is that of a program of the simulated machine."""
    folder, _, name = path.rpartition("/")
    return folder in ("/bin", "/usr/bin") and name in _PROGRAMS


def holds_programs(path: str) -> bool:
    """Whether a path is a folder above or with programs."""
    return path in _FOLDERS_OF_PROGRAMS


def is_elsewhere(path: str, flags: int) -> bool:
    """Whether a call makes a file in a folder that a real machine has and the simulated one lacks."""
    return bool(flags & os.O_CREAT) and path.startswith(_ELSEWHERE)


def above_host(path: str, *, resolving: bool = False) -> bool:
    """Whether a path is a folder above a folder of the host, as ``resolve()`` looks at, and not simulated.

    When ``resolving``, also one of ``/tmp``: a schedule does not depend on the folder of the subject's file.
    One above the home stays simulated, since the home is resolved as well.
    """
    below = path.rstrip("/") + "/"
    simulated = _ABOVE_THE_HOME if resolving else _SIMULATED
    return any(folder.startswith(below) for folder in _host_folders) and not any(
        f"{one}/".startswith(below) or below.startswith(f"{one}/") for one in simulated
    )


def virtual_path(process: Interpreter, path: Any, dir_fd: int | None = None) -> str:
    """The normalised absolute virtual path of a path argument."""
    text = os.fsdecode(os.fspath(path))
    if "\0" in text:
        raise ValueError("embedded null byte")
    if not text.startswith("/"):
        if text == "":
            raise FileNotFoundError(2, os.strerror(2), text)
        base = process.folder_of_work
        if dir_fd is not None:
            base = process.call("fdpath", dir_fd)
            if not base:
                raise OSError(20, os.strerror(20), text)
        text = f"{base}/{text}"
    if text.startswith("/proc/self/") or text == "/proc/self":
        text = f"/proc/{process.pid}{text.removeprefix('/proc/self')}"
    where: str = posixpath.normpath(text)
    if where.startswith(("/proc/", "/etc/")) and _NOT_THERE.fullmatch(where):
        refuse(process, f"looked at {where}, which the simulated machine does not have", LEAVE_IT_OUT)
    return where
