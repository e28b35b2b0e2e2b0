"""What a program may ask of its machine without a step, answered as by one ordinary machine everywhere.

Its users and groups, its processors and limits, its random numbers outside ``random``, the number of its only
thread. No answer depends on the host, on the moment or on the order of a search. What would reach the host
unseen, such as the history file of ``readline``, is not in these tables and so is refused.
"""

from __future__ import annotations

import errno
import grp
import operator
import os
import pwd
import resource
import sys
import threading
from contextlib import suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Final
from weakref import ref

from stateful.kernel.files import LIMIT_OPEN_FILES, STANDARD_STREAMS
from stateful.model.machine import GUEST, ROOT, TICKS_PER_S, USER
from stateful.python.process_calls import TIME_CALLS, EntryPoint, urandom
from stateful.python.refusal import LEAVE_IT_OUT, refuse

if TYPE_CHECKING:
    from stateful.python.interpreter import Interpreter

PROCESSORS: Final = 4
PAGE_BYTES: Final = 4096
PAGES: Final = 2_097_152  # 8 GiB
EXECUTABLE: Final = "/usr/bin/python3"
THREAD: Final = 140_000_000_000_000  # what ``threading.get_ident()`` answers, of the size of an address
MOST_FILES: Final = 1_048_576
# As plain tuples: CPython complains at its exit of those of ``pwd`` and the like that are left then.
USERS: Final = tuple(
    (name, "x", number, number, name, home, "/bin/sh")
    for name, number, home in (
        ("root", ROOT, "/root"),
        ("user", USER, "/home/user"),
        ("guest", GUEST, "/home/guest"),
    )
)
GROUPS: Final[tuple[tuple[Any, ...], ...]] = tuple((name, "x", number, []) for name, _, number, *_ in USERS)
_IMPORT_SYSTEM: Final = ("_frozen_importlib", "importlib._bootstrap")
ADDRESS_BYTES: Final = 64  # from one object to the next
_real_id = id
_real_get_ident = threading.get_ident
_real_sysconf, _real_getrlimit = os.sysconf, resource.getrlimit
_SYSCONF: Final = {
    "SC_NPROCESSORS_CONF": PROCESSORS,
    "SC_NPROCESSORS_ONLN": PROCESSORS,
    "SC_PHYS_PAGES": PAGES,
    "SC_AVPHYS_PAGES": PAGES // 2,
    "SC_PAGESIZE": PAGE_BYTES,
    "SC_PAGE_SIZE": PAGE_BYTES,
    "SC_CLK_TCK": TICKS_PER_S,
    "SC_OPEN_MAX": LIMIT_OPEN_FILES + len(STANDARD_STREAMS),
    "SC_HOST_NAME_MAX": 64,
    "SC_ARG_MAX": 2_097_152,
    "SC_NGROUPS_MAX": 65_536,
    "SC_IOV_MAX": 1024,
}


def does(answer: Any) -> EntryPoint:
    """An entry point that changes nothing in the simulated world, and always returns the same."""
    return lambda process, *args, **kwargs: answer


def _one(field: int, among: tuple[Any, ...], whole: type, kind: type, what: str) -> EntryPoint:
    """The entry of a user or group by its name or number. Raises KeyError as the C library's does."""

    def find(process: Interpreter, key: Any) -> Any:
        wanted = key if kind is str else operator.index(key)
        if not isinstance(wanted, kind):
            raise TypeError(f"{what} must be {kind.__name__}, not {type(key).__name__}")
        for entry in among:
            if entry[field] == wanted:
                return whole(entry)
        raise KeyError(f"{what} not found: {key!r}")

    return find


def _sysconf(process: Interpreter, name: str | int) -> int:
    """What differs from machine to machine is that of this one; the rest are constants of the C library."""
    number = os.sysconf_names.get(name, -1) if isinstance(name, str) else name
    known = {os.sysconf_names.get(each): value for each, value in _SYSCONF.items()}
    return known[number] if number in known else _real_sysconf(name)


def _no_terminal(process: Interpreter, *args: Any) -> None:
    raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))


def _getrlimit(process: Interpreter, which: int) -> tuple[int, int]:
    """Nothing is limited but the number of open files."""
    _real_getrlimit(which)  # Raises ValueError if there is no such limit.
    if which == resource.RLIMIT_NOFILE:
        return LIMIT_OPEN_FILES + len(STANDARD_STREAMS), MOST_FILES
    return resource.RLIM_INFINITY, resource.RLIM_INFINITY


def _times(process: Interpreter) -> os.times_result:
    """No time is spent in computing; the last field is that of the monotonic clock, in whole ticks."""
    ticks = int(TIME_CALLS["monotonic"](process) * TICKS_PER_S)
    return os.times_result((0.0, 0.0, 0.0, 0.0, ticks / TICKS_PER_S))


def tzset(process: Interpreter) -> None:
    """The machine is in UTC. A zone that the process has chosen cannot be heeded."""
    zone = process.environ.get(b"TZ", b"UTC").decode(errors="replace")
    if zone not in ("", "UTC", "UTC0", "GMT", "Etc/UTC", ":UTC"):
        refuse(process, f"set its time zone to {zone}, which is not modelled", LEAVE_IT_OUT)


def identities() -> EntryPoint:
    """The ``id`` of a process: objects are numbered in the order in which it first asks.

    The number of an object that no weak reference can be made to may go to a later one at the same address.
    """
    numbers: dict[int, int] = {}
    references: dict[int, Any] = {}
    fresh = count(THREAD, ADDRESS_BYTES)

    def number(value: object, /) -> int:
        address = _real_id(value)
        if address not in numbers:
            numbers[address] = next(fresh)
            with suppress(TypeError):
                references[address] = ref(value, lambda _: (numbers.pop(address), references.pop(address)))
        return numbers[address]

    return partial(number)  # Like a builtin function, it does not become a method as an attribute of a class.


def thread(process: Interpreter) -> int:
    """The number of the only thread, but for the import system, whose locks the harness takes too."""
    caller = sys._getframe(2).f_globals.get("__name__")
    return _real_get_ident() if caller in _IMPORT_SYSTEM else THREAD


def _history(process: Interpreter, *args: Any) -> None:
    """Nobody types, and no history is kept, so none is read."""
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


FACTS: Final[dict[str, EntryPoint]] = {
    "cpu_count": does(PROCESSORS),
    "process_cpu_count": does(PROCESSORS),
    "sched_getaffinity": lambda process, pid: set(range(PROCESSORS)),
    "getloadavg": does((0.0, 0.0, 0.0)),
    "get_terminal_size": _no_terminal,
    "device_encoding": does(None),
    "sysconf": _sysconf,
    "times": _times,
}
TABLES: Final[dict[str, dict[str, EntryPoint]]] = {
    "pwd": {
        "getpwuid": _one(2, USERS, pwd.struct_passwd, int, "getpwuid(): uid"),
        "getpwnam": _one(0, USERS, pwd.struct_passwd, str, "getpwnam(): name"),
        "getpwall": lambda process: [*map(pwd.struct_passwd, USERS)],
    },
    "grp": {
        "getgrgid": _one(2, GROUPS, grp.struct_group, int, "getgrgid(): gid"),
        "getgrnam": _one(0, GROUPS, grp.struct_group, str, "getgrnam(): name"),
        "getgrall": lambda process: [*map(grp.struct_group, GROUPS)],
    },
    "resource": {
        "getrlimit": _getrlimit,
        "getrusage": lambda process, who: resource.struct_rusage((0.0, 0.0, *[0] * 14)),
        "getpagesize": does(PAGE_BYTES),
    },
    # Nobody types: what sets up the editing of lines has no effect, and what names a file is refused.
    "readline": {
        **dict.fromkeys(
            "add_history clear_history insert_text parse_and_bind redisplay set_auto_history set_completer "
            "set_completer_delims set_completion_display_matches_hook set_history_length set_pre_input_hook "
            "set_startup_hook remove_history_item replace_history_item".split(),
            does(None),
        ),
        **dict.fromkeys("get_completer get_history_item".split(), does(None)),
        **dict.fromkeys(
            "get_current_history_length get_begidx get_endidx get_completion_type".split(), does(0)
        ),
        "get_history_length": does(-1),
        "get_line_buffer": does(""),
        "get_completer_delims": does(" \t\n"),
        "read_history_file": _history,
    },
    # Extension modules that write files without an audit event.
    "_curses": {},
    "_dbm": {},
    "_gdbm": {},
    "ossaudiodev": {},
}
SOME_CALLS: Final[dict[str, dict[str, EntryPoint]]] = {
    "_ssl": {
        "RAND_bytes": urandom,
        "RAND_status": does(True),
        "RAND_add": does(None),
        "RAND_pseudo_bytes": lambda process, size: (urandom(process, size), True),
    },
    "threading": {
        "enumerate": lambda process: [threading.main_thread()],
        "active_count": does(1),
        "activeCount": does(1),
    },
    "sys": {"getallocatedblocks": does(0), "_debugmallocstats": does(None)},
}
