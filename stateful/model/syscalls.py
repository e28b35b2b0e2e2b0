"""What each system call is, said once: a row per call, from which all that is known of calls is derived.

A row says what the arguments are, what the call does to what they name, what it answers, and which faults may
be injected. Derived from the rows: which steps other processes can see (``search/partial_order_reduction``),
what a process has looked at (``search/disk_memo``), where pids stand (``search/symmetry``), which calls fail
and how (``kernel/failing_calls``), mutations (``mutation/operator``), what a step touches and how it is
written (``explain``), and how the host's answer is compared (``host/agreement``).

To add a call: a row here, ``@syscall`` in ``kernel/``, a line of ``MADE_FOR_REAL`` in ``host/calls.py``, an
entry point in ``python/``, and a contract script. ``tests/model/test_syscalls.py`` complains of what is
missing. No other file spells the names of two calls.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import Enum, Flag, auto
from typing import Any, Final, NamedTuple

from stateful.model.call import Call
from stateful.model.faults import SHORT


class Kind(Enum):
    """What an argument is."""

    PATH = auto()
    TEXT = auto()  # the target of a symbolic link, which is looked up by nobody yet
    FD = auto()
    FILE = auto()  # a path or a descriptor
    FDS = auto()
    PID = auto()
    SIGNAL = auto()
    FLAGS = auto()  # of open
    OPERATION = auto()  # of a lock
    DATA = auto()
    SIZE = auto()
    DURATION = auto()  # microseconds, or None
    TIME = auto()  # of the wall clock, in microseconds, or None
    STATUS = auto()  # with which a process exits
    OUTCOME = auto()
    NUMBER = auto()  # a mode, an offset or the like, which names nothing


class Use(Flag):
    """What a call does to the file or folder that an argument names."""

    FINDS = auto()  # looks the name up: that it stands, its kind and permission bits
    READS = auto()  # its content, at once or by the descriptor that the call answers
    INSPECTS = auto()  # its size, times, links and inode number
    LISTS = auto()  # the names in a folder, and their kinds
    MAKES = auto()  # the name
    TAKES = auto()  # the name away from what it stood for
    WRITES = auto()  # bytes
    CUTS = auto()  # its length
    ALTERS = auto()  # its permission bits, times or number of links
    LOCKS = auto()
    RELEASES = auto()  # the descriptor, and the locks that it holds


NOTHING: Final = Use(0)
NAMES: Final = Use.MAKES | Use.TAKES
BYTES: Final = Use.WRITES | Use.CUTS
ON_DISK: Final = NAMES | BYTES | Use.ALTERS  # changes what stands on the disk
CHANGES: Final = ON_DISK | Use.LOCKS | Use.RELEASES


class Answer(Enum):
    """What a process is told of a call that succeeds."""

    NOTHING = auto()
    DESCRIPTOR = auto()
    DATA = auto()
    WRITTEN = auto()  # how many bytes were written
    STATUS = auto()  # of a file
    NAMES = auto()  # of a folder
    PROCESS = auto()  # what psutil tells of one
    VALUE = auto()


class Argument(NamedTuple):
    """An argument of a call.

    Attributes:
        use: what the call does to the file that it names.
        follows: a symbolic link at the end of a path is followed.
    """

    kind: Kind
    use: Use = NOTHING
    follows: bool = True


class Syscall(NamedTuple):
    """A call of the simulated kernel.

    Attributes:
        arguments: in the order of ``Call.args``.
        faults: which may be injected; of ``open`` all that any may have, see ``faults_of``.
        silent: it is no step of its own: no other process can see it, and it never waits.
        waits: it can never be made: a signal or the request to exit ends it.
        passes_time: it moves the clock, and lets other processes go first.
        syncs: what was written to the file is on the disk afterwards.
        sends_signal: to the process that its first argument names.
        lists_processes: it tells of every process of the machine.
        shown: its name in reports.
        entry_points: what of Python makes it.
    """

    name: str
    arguments: tuple[Argument, ...] = ()
    answer: Answer = Answer.NOTHING
    faults: tuple[str, ...] = ()
    silent: bool = False
    waits: bool = False
    passes_time: bool = False
    syncs: bool = False
    sends_signal: bool = False
    lists_processes: bool = False
    shown: str = ""
    entry_points: str = ""

    @property
    def use(self) -> Use:
        """All that it may do to files."""
        use = NOTHING
        for argument in self.arguments:
            use |= argument.use
        return use

    def has(self, kind: Kind) -> bool:
        """Whether an argument is of a kind."""
        return any(argument.kind is kind for argument in self.arguments)


def _path(use: Use = NOTHING, *, follows: bool = True) -> Argument:
    return Argument(Kind.PATH, Use.FINDS | use, follows)


def _fd(use: Use = NOTHING) -> Argument:
    return Argument(Kind.FD, use)


_FLAGS, _OPERATION, _DATA, _SIZE = map(Argument, (Kind.FLAGS, Kind.OPERATION, Kind.DATA, Kind.SIZE))
_PID, _SIGNAL, _NUMBER = map(Argument, (Kind.PID, Kind.SIGNAL, Kind.NUMBER))
_TAKES: Final = ("eio", "erofs", "eacces")
_MAKES: Final = ("eio", "enospc", "erofs", "eacces")

_ROWS: Final = (
    # -- open files
    Syscall(
        "open",
        (_path(Use.READS | Use.INSPECTS), _FLAGS, _NUMBER),
        Answer.DESCRIPTOR,
        ("eacces", "emfile", "eio", "erofs", "enospc"),
        entry_points="os.open open io.open",
    ),
    Syscall("close", (_fd(Use.RELEASES),), faults=("eio", "eintr"), entry_points="os.close"),
    Syscall("dup", (_fd(),), Answer.DESCRIPTOR, entry_points="os.dup"),
    Syscall("read", (_fd(Use.READS), _SIZE), Answer.DATA, ("eio",), entry_points="os.read"),
    Syscall("pread", (_fd(Use.READS), _SIZE, _NUMBER), Answer.DATA, ("eio",), entry_points="os.pread"),
    Syscall(
        "write", (_fd(Use.WRITES), _DATA), Answer.WRITTEN, ("eio", "enospc", SHORT), entry_points="os.write"
    ),
    Syscall(
        "pwrite",
        (_fd(Use.WRITES), _DATA, _NUMBER),
        Answer.WRITTEN,
        ("eio", "enospc", SHORT),
        entry_points="os.pwrite",
    ),
    Syscall(
        "sendfile",
        (_fd(Use.WRITES), _fd(Use.READS), _NUMBER, _SIZE),
        Answer.WRITTEN,
        ("eio", "enospc", SHORT),
        entry_points="os.sendfile shutil.copyfile",
    ),
    Syscall("lseek", (_fd(), _NUMBER, _NUMBER), Answer.VALUE, silent=True, entry_points="os.lseek"),
    Syscall("ftruncate", (_fd(Use.CUTS), _NUMBER), faults=("eio",), entry_points="os.ftruncate"),
    Syscall("fsync", (_fd(),), faults=("eio", "enospc"), syncs=True, entry_points="os.fsync"),
    Syscall("fdatasync", (_fd(),), faults=("eio", "enospc"), syncs=True, entry_points="os.fdatasync"),
    Syscall("fdkind", (_fd(),), Answer.VALUE, silent=True, entry_points="open"),
    Syscall("fdpath", (_fd(),), Answer.VALUE, silent=True, entry_points="dir_fd"),
    Syscall("getfl", (_fd(),), Answer.VALUE, silent=True, entry_points="fcntl.fcntl"),
    Syscall("fstat", (_fd(Use.INSPECTS),), Answer.STATUS, entry_points="os.fstat"),
    # -- locks
    Syscall("flock", (_fd(Use.LOCKS), _OPERATION), faults=("enolck", "eio"), entry_points="fcntl.flock"),
    Syscall(
        "lockf",
        (_fd(Use.LOCKS), _OPERATION, _NUMBER, _NUMBER, _NUMBER),
        faults=("enolck", "eio"),
        entry_points="fcntl.lockf",
    ),
    # -- names
    Syscall(
        "stat",
        (_path(Use.INSPECTS), _NUMBER),
        Answer.STATUS,
        ("eacces", "eio"),
        entry_points="os.stat os.lstat os.path.exists",
    ),
    Syscall("access", (_path(), _NUMBER), Answer.VALUE, entry_points="os.access"),
    Syscall("chdir", (_path(),), entry_points="os.chdir os.fchdir"),
    Syscall("truncate", (_path(Use.CUTS), _NUMBER), faults=_TAKES, entry_points="os.truncate"),
    Syscall("unlink", (_path(Use.TAKES, follows=False),), faults=_TAKES, entry_points="os.unlink os.remove"),
    Syscall(
        "rename",
        (_path(Use.TAKES, follows=False), _path(NAMES, follows=False)),
        faults=_MAKES,
        entry_points="os.rename os.replace",
    ),
    Syscall(
        "link",
        (_path(Use.ALTERS, follows=False), _path(Use.MAKES, follows=False)),
        faults=(*_MAKES, "eperm"),  # a file system without hard links
        entry_points="os.link",
    ),
    Syscall(
        "symlink",
        (Argument(Kind.TEXT), _path(Use.MAKES, follows=False)),
        faults=(*_MAKES, "eperm"),
        entry_points="os.symlink",
    ),
    Syscall(
        "readlink",
        (_path(Use.READS, follows=False),),
        Answer.VALUE,
        ("eacces", "eio"),
        entry_points="os.readlink",
    ),
    Syscall("mkdir", (_path(Use.MAKES, follows=False), _NUMBER), faults=_MAKES, entry_points="os.mkdir"),
    Syscall("rmdir", (_path(Use.TAKES, follows=False),), faults=_TAKES, entry_points="os.rmdir"),
    Syscall(
        "listdir", (_path(Use.LISTS),), Answer.NAMES, ("eacces", "eio", "emfile"), entry_points="os.listdir"
    ),
    Syscall(
        "scandir", (_path(Use.LISTS),), Answer.NAMES, ("eacces", "eio", "emfile"), entry_points="os.scandir"
    ),
    Syscall("chmod", (_path(Use.ALTERS), _NUMBER), faults=("eperm", "erofs"), entry_points="os.chmod"),
    Syscall("fchmod", (_fd(Use.ALTERS), _NUMBER), faults=("eperm", "erofs"), entry_points="os.fchmod"),
    Syscall(
        "utime",
        (Argument(Kind.FILE, Use.FINDS | Use.ALTERS), Argument(Kind.TIME)),
        faults=("eperm", "erofs"),
        entry_points="os.utime",
    ),
    Syscall("umask", (_NUMBER,), Answer.VALUE, silent=True, entry_points="os.umask"),
    # -- processes and signals
    Syscall("kill", (_PID, _SIGNAL), faults=("eperm",), sends_signal=True, entry_points="os.kill os.killpg"),
    Syscall(
        "pidfd_open", (_PID, _NUMBER), Answer.DESCRIPTOR, ("emfile", "eperm"), entry_points="os.pidfd_open"
    ),
    Syscall(
        "pidfd_send_signal",
        (_fd(), _SIGNAL),
        faults=("eperm",),
        sends_signal=True,
        entry_points="signal.pidfd_send_signal",
    ),
    Syscall("sigaction", (_NUMBER, _NUMBER), silent=True, entry_points="signal.signal"),
    Syscall("pid_exists", (_PID,), Answer.VALUE, entry_points="psutil.pid_exists"),
    Syscall("pids", (), Answer.NAMES, lists_processes=True, entry_points="psutil.pids"),
    Syscall("inspect", (_PID,), Answer.PROCESS, shown="psutil", entry_points="psutil.Process"),
    Syscall("exit", (Argument(Kind.STATUS), Argument(Kind.OUTCOME)), entry_points="os._exit sys.exit"),
    # -- time, and waiting
    Syscall("sleep", (Argument(Kind.DURATION),), passes_time=True, entry_points="time.sleep"),
    Syscall(
        "select",
        (Argument(Kind.FDS), Argument(Kind.DURATION)),
        Answer.VALUE,
        passes_time=True,
        entry_points="select.select",
    ),
    Syscall("clock", (), Answer.VALUE, silent=True, entry_points="time.monotonic"),
    Syscall("wall", (), Answer.VALUE, silent=True, entry_points="time.time"),
    Syscall("pause", waits=True, entry_points="signal.pause"),
    Syscall("serve", waits=True, entry_points="serve"),
)
SYSCALLS: Final = {row.name: row for row in _ROWS}

SILENT: Final = frozenset(row.name for row in _ROWS if row.silent)
WAITS: Final = frozenset(row.name for row in _ROWS if row.waits)
SYNCS: Final = frozenset(row.name for row in _ROWS if row.syncs)
SIGNALLING: Final = frozenset(row.name for row in _ROWS if row.sends_signal)


def row(call: Call) -> Syscall:
    """What is said of a call."""
    return SYSCALLS[call.name]


def uses(call: Call) -> Iterator[tuple[Kind, Any, Use]]:
    """What a call does, with its arguments as they are, to each file that one of them names.

    The kind is PATH or FD. Whether ``open`` makes or cuts a file its flags say.
    """
    for argument, value in zip(SYSCALLS[call.name].arguments, call.args, strict=False):
        kind, use = argument.kind, argument.use
        if kind is Kind.FILE:
            kind = Kind.PATH if isinstance(value, str) else Kind.FD
        if kind is Kind.PATH or kind is Kind.FD:
            yield kind, value, use | _by_flags(call) if kind is Kind.PATH else use


def _by_flags(call: Call) -> Use:
    """What else ``open`` does, by its flags."""
    if not SYSCALLS[call.name].has(Kind.FLAGS):
        return NOTHING
    flags = call.args[1]
    return (Use.MAKES if flags & os.O_CREAT else NOTHING) | (Use.CUTS if flags & os.O_TRUNC else NOTHING)


def use_of(call: Call) -> Use:
    """All that a call does, with its arguments as they are."""
    whole = NOTHING
    for _, _, use in uses(call):
        whole |= use
    return whole


def paths(call: Call, use: Use = ~NOTHING) -> tuple[str, ...]:
    """The paths among the arguments to which a call does any of some things."""
    return tuple(value for kind, value, done in uses(call) if kind is Kind.PATH and done & use)


def descriptor(call: Call) -> int | None:
    """The descriptor that is the first argument of a call; None where that is none."""
    first = next(iter(SYSCALLS[call.name].arguments), None)
    is_one = first is not None and first.kind in (Kind.FD, Kind.FILE) and isinstance(call.args[0], int)
    return call.args[0] if is_one else None


def descriptors(call: Call) -> tuple[int, ...]:
    """Every descriptor among the arguments, but those that are only waited for."""
    return tuple(value for kind, value, _ in uses(call) if kind is Kind.FD)


def pid(call: Call) -> int | None:
    """The pid that a call is about; 0 and negative ones name groups."""
    return next((value for value, _ in _of_kind(call, Kind.PID)), None)


def sends_signal(call: Call) -> bool:
    """Whether a call sends a signal, beside the one that only asks."""
    return call.name in SIGNALLING and call.args[1] != 0


def is_exclusive_open(call: Call) -> bool:
    """Whether a call makes a file, and fails where there is one."""
    return SYSCALLS[call.name].has(Kind.FLAGS) and bool(call.args[1] & os.O_EXCL)


def faults_of(call: Call) -> tuple[str, ...]:
    """The faults that may be injected into a call."""
    faults = SYSCALLS[call.name].faults
    if not faults:
        return ()
    if SYSCALLS[call.name].has(Kind.FLAGS):
        path, flags = call.args[:2]
        if path.startswith("/proc/"):
            return tuple(fault for fault in faults if fault in ("eacces", "emfile"))
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        never = {*(() if writes else ("erofs",)), *(() if flags & os.O_CREAT else ("enospc",))}
        return tuple(fault for fault in faults if fault not in never)
    data = data_of(call)
    if data is not None and len(data) < 2:
        return tuple(fault for fault in faults if fault != SHORT)
    if SYSCALLS[call.name].sends_signal and not sends_signal(call):
        return ()
    return faults


def data_of(call: Call) -> bytes | None:
    """The bytes that a call has among its arguments; None where it has none."""
    return next((data for data, _ in _of_kind(call, Kind.DATA)), None)


def cut_short(call: Call, size: int) -> Call:
    """The call that writes only so many bytes."""
    args = list(call.args)
    for value, at in _of_kind(call, Kind.DATA):
        args[at] = value[:size]
    for value, at in _of_kind(call, Kind.SIZE):
        args[at] = min(value, size)
    return Call(call.name, tuple(args))


def _of_kind(call: Call, kind: Kind) -> Iterator[tuple[Any, int]]:
    """The arguments of a kind, and where they stand."""
    for at, (argument, value) in enumerate(zip(SYSCALLS[call.name].arguments, call.args, strict=False)):
        if argument.kind is kind:
            yield value, at
