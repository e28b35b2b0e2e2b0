"""The process for one letter of a contract script, both on the host and on the kernel.

Run as a program it is the fork server of the host's processes: it has imported everything already, so that a
new one takes a single ``fork``, and as their parent it reaps them. Each is an ordinary child process and ends
as the script says: by a signal, by ``sys.exit`` or at the end of this file.
"""

from __future__ import annotations

import atexit
import codecs
import contextlib
import ctypes
import datetime
import errno
import fcntl
import glob
import io
import json
import logging
import os
import pathlib
import random
import re
import resource
import secrets
import select
import shutil
import signal
import socket
import stat
import sys
import tempfile
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from types import ModuleType

NOBODY = 65534
LIMIT_OPEN_FILES = 1024  # the three standard streams and as many files as the kernel allows
SET_DUMPABLE = 4  # of prctl(2)
MESSAGE_BYTES = 65536

MODULES: tuple[ModuleType, ...] = (
    *(atexit, contextlib, datetime, errno, fcntl, glob, io, json, logging, os, pathlib, psutil),
    *(random, secrets, select, shutil, signal, socket, stat, sys, tempfile, threading, time, uuid),
)


def names() -> dict[str, Any]:
    """What a script finds defined."""
    return {
        **{module.__name__: module for module in MODULES},
        "Path": pathlib.Path,
        "home": os.getcwd(),
        "notes": [],
        "state": state,
    }


def state(pid: int, expected: str) -> bool:
    """Whether a process is, or soon comes to be, in a state of ``/proc``: R, S or T."""
    for _ in range(5_000):
        if pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == expected:
            return True
        time.sleep(0.001)
    return False


def act(code: str, known: dict[str, Any]) -> str:
    """Run one piece of code: its value, or the type and errno of what it raised, as text."""
    try:
        try:
            expression = compile(code, "<script>", "eval")
        except SyntaxError:
            exec(compile(code, "<script>", "exec"), known)
            return "done"
        return shown(eval(expression, known), known["home"])
    except Exception as error:
        number = getattr(error, "errno", None)
        return type(error).__name__ + (f" {errno.errorcode[number]}" if number else "")


def shown(value: object, home: str) -> str:
    """A value without what differs between two machines: inode numbers, times, addresses, home."""
    if isinstance(value, os.stat_result):
        kind = stat.filemode(value.st_mode)
        return kind if kind[0] == "d" else f"{kind} {value.st_nlink} links {value.st_size} bytes"
    if type(value) is tuple:
        return f"({', '.join(shown(item, home) for item in value)})"
    return re.sub(" at 0x[0-9a-f]+", "", repr(value)).replace(home, "~")


def play(stage: socket.socket) -> None:
    """Run what arrives, piece by piece, and answer, until nobody is there any more."""
    known = names()
    while code := stage.recv(MESSAGE_BYTES):
        stage.send(act(code.decode(), known).encode())


def serve(control: socket.socket) -> socket.socket | None:
    """Serve requests to fork and to reap; returns its socket in each child."""
    while request := control.recv(MESSAGE_BYTES).decode():
        verb, _, argument = request.partition(" ")
        if verb == "fork":
            fd = socket.recv_fds(control, 1, 1)[1][0]
            pid = os.fork()
            if pid == 0:
                os.dup2(fd, 0)  # the script finds descriptor 3 free
                os.close(fd)
                settle(*argument.split())
                return control
            os.close(fd)
            control.send(str(pid).encode())
        else:
            status = os.waitstatus_to_exitcode(os.waitpid(int(argument), 0)[1])
            control.send(str(status if status >= 0 else 128 - status).encode())
    return None


def settle(home: str, user: str) -> None:
    """Make a new process like one of the kernel's: its user, its home, its limits, its own group."""
    if os.getuid() == 0:
        os.umask(0o022)
        os.makedirs(home, exist_ok=True)
        for folder in (home, os.path.dirname(home)):
            os.chown(folder, NOBODY, NOBODY)
    if user != "root":
        drop_privileges()
    os.makedirs(home, exist_ok=True)
    os.chdir(home)
    os.environ.update(HOME=home, TMPDIR=os.path.dirname(home))
    tempfile.tempdir = None
    os.umask(0o022)
    os.setpgid(0, 0)
    resource.setrlimit(resource.RLIMIT_NOFILE, (LIMIT_OPEN_FILES, LIMIT_OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def drop_privileges() -> None:
    """Be an ordinary user, for whom permission bits count, also where the tests run as root."""
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        ctypes.CDLL(None).prctl(SET_DUMPABLE, 1)  # else its /proc belongs to root


if __name__ == "__main__":
    for encoding in ("ascii", "latin-1"):  # an actor may not be allowed to read the library
        codecs.lookup(encoding)
    if stage := serve(socket.socket(fileno=0)):
        play(stage)
