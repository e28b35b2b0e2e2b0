"""Whether the process that a record names is still there, judged by (pid, start time, boot).

A pid alone proves nothing: it comes back with another process, and each container has a pid 1.

Not covered: a pid that is a thread's, which ``kill`` and ``/proc`` answer for as for a process (its
start time tells them apart, where the record has one); time namespaces, whose start times differ.
"""

from __future__ import annotations

import enum
import importlib
import os
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from gateway_status.record import CLOEXEC, MAX_FILE_BYTES, Record

if TYPE_CHECKING:
    from gateway_status.host import Host

Answer = TypeVar("Answer")

# The fields of /proc/<pid>/stat after the command name, which may contain spaces and parentheses.
STATE, START_TIME = 0, 19
DEAD_STATES = frozenset({b"Z", b"X", b"x"})

ENTRY_POINTS = (("hermes_cli.main",), ("hermes_cli", "main.py"), ("hermes",))
OWN_ENTRY_POINTS = (("gateway_status",), ("gateway_status", "__main__.py"))
GATEWAY_PROGRAMS = (("gateway", "run.py"), ("hermes-gateway",))
OPTIONS_WITH_VALUE = frozenset({"-p", "--profile"})
INTERPRETERS = ("python", "pypy")
INTERPRETER_OPTIONS_WITH_VALUE = frozenset({"-W", "-X"})


class Verdict(enum.Enum):
    """What is known about a record: LIVE and STALE are proven, for UNSURE the lock decides."""

    LIVE = "live"
    STALE = "stale"
    UNSURE = "unsure"


class Judgement(NamedTuple):
    """A verdict, and the fact that it rests on."""

    verdict: Verdict
    reason: str


def judge(record: Record | None, host: Host, home: str | os.PathLike[str] | None = None) -> Judgement:
    """Judge a record that stands in a home, or None, which is whatever else stands in the place of one."""
    if record is None:
        return Judgement(Verdict.STALE, "it names no process")
    if not exists(record.pid, windows=host.windows):
        return Judgement(Verdict.STALE, f"no process has pid {record.pid}")
    judgement = _judge_life(record, host)
    if judgement.verdict is Verdict.LIVE and home is not None and _is_of_another_home(record, home):
        return Judgement(Verdict.UNSURE, f"it was written in another home, {record.home}")
    return judgement


def _judge_life(record: Record, host: Host) -> Judgement:
    pid = record.pid
    start_time = host.start_time(pid)
    if start_time is None and is_zombie(pid):
        return Judgement(Verdict.STALE, f"process {pid} has ended, and waits to be reaped by its parent")
    same_start = start_time is not None and start_time == record.start_time
    if not same_start and start_time is not None and record.start_time is not None:
        return Judgement(Verdict.STALE, f"pid {pid} belongs to another process now, by its start time")
    if record.boot_id is not None:
        here = boot_id()
        if here is not None and here != record.boot_id:
            return Judgement(Verdict.STALE, "it was written before this boot")
        if here is not None and same_start:
            return Judgement(Verdict.LIVE, f"process {pid} has run since, by its start time")
    if not same_start and pid == os.getpid():
        # Left by a process that had our pid, or by one of another container: our own command line
        # says nothing about it.
        return Judgement(Verdict.UNSURE, "it names the pid of the process that asks")
    cmdline = host.cmdline(pid)
    if not cmdline:
        # Where nothing else tells who has the pid now, the record's own argv may not vouch for it.
        if same_start and (not record.argv or looks_like_gateway(shlex.join(record.argv))):
            return Judgement(Verdict.LIVE, f"process {pid} has run since, by its start time")
        return Judgement(Verdict.UNSURE, f"the command line of process {pid} cannot be read")
    if looks_like_gateway(cmdline):
        return Judgement(Verdict.LIVE, f"process {pid} is a gateway, by its command line")
    if same_start:  # Without a boot id, equal ticks may also be a coincidence of two boots.
        return Judgement(Verdict.UNSURE, f"process {pid} is no gateway by its command line")
    return Judgement(Verdict.STALE, f"pid {pid} belongs to another program now, by its command line")


def _is_of_another_home(record: Record, home: str | os.PathLike[str]) -> bool:
    """Whether a record was copied here with its home: its process is the gateway of the other one."""
    if record.home is None or record.home == os.path.abspath(home):
        return False
    try:
        return not os.path.samefile(record.home, home)
    except (OSError, ValueError):
        return True


def is_this_process(record: Record, host: Host) -> bool:
    """Whether a record provably names the calling process: our pid is also in another container's."""
    if record.pid != os.getpid():
        return False
    if record.start_time is None or record.start_time != host.start_time(record.pid):
        return False
    return record.boot_id is None or record.boot_id == boot_id()


def exists(pid: int, *, windows: bool) -> bool:
    """Whether a process, or a zombie, has a pid."""
    if windows:
        # os.kill(pid, 0) is no question there: it sends CTRL_C_EVENT.
        try:
            return bool(importlib.import_module("psutil").pid_exists(pid))
        except ImportError:
            return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def start_time(pid: int) -> int | None:
    """When a process started: clock ticks since boot, or without ``/proc`` centiseconds since 1970.

    None where the process is gone or a zombie, or where it cannot be told.
    """
    fields = _stat_fields(pid)
    if fields is None:
        return _ask_psutil(pid, lambda it: None if it.status() == "zombie" else round(it.create_time() * 100))
    if fields[STATE] in DEAD_STATES:
        return None
    return int(fields[START_TIME])


def is_zombie(pid: int) -> bool:
    """Whether a process has ended and only its parent has not noticed yet."""
    fields = _stat_fields(pid)
    if fields is None:
        return bool(_ask_psutil(pid, lambda it: it.status() == "zombie"))
    return fields[STATE] in DEAD_STATES


def _stat_fields(pid: int) -> list[bytes] | None:
    content = _read_proc(f"{pid}/stat")
    if content is None:
        return None
    fields = content[content.rfind(b")") + 1 :].split()
    return fields if len(fields) > START_TIME and fields[START_TIME].isdigit() else None


def boot_id() -> str | None:
    """What tells this boot of the machine from its others, or None where nothing does."""
    content = _read_proc("sys/kernel/random/boot_id")
    return content.decode("ascii", "replace").strip() or None if content else None


def cmdline(pid: int) -> str | None:
    """The command line of a process, quoted as for a shell, or None where it cannot be read."""
    content = _read_proc(f"{pid}/cmdline")
    if content is None:
        words = _ask_psutil(pid, lambda it: [str(word) for word in it.cmdline()])
    else:
        words = content.decode("utf-8", "replace").rstrip("\0").split("\0")
    return shlex.join(words) or None if words and words != [""] else None


def _read_proc(name: str) -> bytes | None:
    """A file of ``/proc``, or None where it cannot be read: whoever asks then knows less."""
    try:
        fd = os.open(f"/proc/{name}", os.O_RDONLY | CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, MAX_FILE_BYTES)
    except OSError:
        return None
    finally:
        os.close(fd)


def _ask_psutil(pid: int, question: Callable[[Any], Answer]) -> Answer | None:
    """What psutil says of a process, where there is no ``/proc`` that has said it already."""
    if os.path.exists(f"/proc/{os.getpid()}/stat"):
        return None
    try:
        psutil = importlib.import_module("psutil")
    except ImportError:
        return None
    try:
        return question(psutil.Process(pid))
    except (psutil.Error, OSError):
        return None


def looks_like_gateway(command: str) -> bool:
    """Whether a command line runs the gateway, by its words and never by a part of one.

    The gateway is the program or what a Python interpreter runs: ``vim gateway/run.py`` and ``grep
    hermes gateway`` are not it.
    """
    words = _words(command)
    return _runs_gateway(words) or _runs_gateway(_after_interpreter(words))


def _runs_gateway(words: list[str]) -> bool:
    if not words:
        return False
    program = tuple(words[0].removesuffix(".exe").split("/"))
    arguments = _arguments(words[1:])
    if _ends_with(program, OWN_ENTRY_POINTS):
        return arguments[:1] == ["run"]
    if _ends_with(program, ENTRY_POINTS):
        return arguments[:1] == ["gateway"] and arguments[1:2] in ([], ["run"], ["restart"])
    return _ends_with(program, GATEWAY_PROGRAMS)


def _after_interpreter(words: list[str]) -> list[str]:
    """The words from the script or module on that a Python interpreter among them runs."""
    rest = iter(words)
    for word in rest:
        if word.rsplit("/", 1)[-1].startswith(INTERPRETERS):
            break
    for word in rest:
        if word == "-c":
            return []
        if word in INTERPRETER_OPTIONS_WITH_VALUE:
            next(rest, None)
        elif not word.startswith("-"):
            return [word, *rest]
    return []


def _words(command: str) -> list[str]:
    # A backslash separates the folders of a Windows path, and shlex.join never uses one to escape.
    lexer = shlex.shlex(command.replace("\\", "/"), posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = lexer.escape = ""
    try:
        return list(lexer)
    except ValueError:  # an unbalanced quotation mark
        return command.split()


def _ends_with(parts: tuple[str, ...], names: tuple[tuple[str, ...], ...]) -> bool:
    return any(parts[-len(name) :] == name for name in names)


def _arguments(words: list[str]) -> list[str]:
    """The words that are neither options nor values of one."""
    arguments, rest = [], iter(words)
    for word in rest:
        if word in OPTIONS_WITH_VALUE:
            next(rest, None)
        elif not word.startswith("-"):
            arguments.append(word)
    return arguments
