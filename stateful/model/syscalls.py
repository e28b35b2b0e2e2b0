"""The table of system calls: one row per call, from which everything known about calls is derived.

A row says what the arguments are, what the call does to the files they name, what it answers, and which
faults may be injected. Derived from the rows: which steps other processes can see
(``search/partial_order_reduction``), what a process has looked at (``search/disk_memo``), which arguments are
pids (``search/symmetry``), which calls fail and how (``kernel/failing_calls``), mutations
(``mutation/operator``), what a step touches and how it is written (``explain``), and how the host's answer is
compared (``host/agreement``).

To add a call: a row here, ``@syscall`` in ``kernel/``, a line of ``MADE_FOR_REAL`` in ``host/calls.py``, an
entry point in ``python/``, and a contract script. ``tests/model/test_syscalls.py`` reports what is missing.
No other file spells the names of two calls. A row does not say which entry points of Python make the call:
``docs/calls.md`` lists them, as measured in the contract scripts.
"""

from __future__ import annotations

from enum import Enum, Flag, auto
from typing import Final, NamedTuple

from stateful.model.faults import SHORT


class Kind(Enum):
    """What an argument is."""

    PATH = auto()
    TEXT = auto()  # the target of a symbolic link, which is not looked up yet
    FD = auto()
    FILE = auto()  # a path or a descriptor
    FDS = auto()
    PID = auto()
    SIGNAL = auto()
    FLAGS = auto()  # of open
    OPERATION = auto()  # of a lock
    DATA = auto()
    SIZE = auto()  # in bytes, of what is read or copied
    POSITION = auto()  # in a file, or the length that it gets
    WHENCE = auto()  # where a position is counted from
    DURATION = auto()  # microseconds, or None
    TIME = auto()  # of a file, by the wall clock, in nanoseconds, or None
    STATUS = auto()  # with which a process exits
    OUTCOME = auto()
    USER = auto()  # a user or a group, to which a file is given; -1 for none
    DISPOSITION = auto()  # of a signal
    NUMBER = auto()  # a mode or the like, which names nothing


class Use(Flag):
    """What a call does to the file or folder that an argument names."""

    FINDS = auto()  # looks the name up: whether it exists, its kind and permission bits
    READS = auto()  # its content, at once or by the descriptor that the call answers
    INSPECTS = auto()  # its size, times, links and inode number
    LISTS = auto()  # the names in a folder and their kinds, or whether there are any
    MAKES = auto()  # the name
    TAKES = auto()  # removes the name, or gives it to another file
    WRITES = auto()  # bytes
    CUTS = auto()  # its length
    ALTERS = auto()  # its permission bits, times or number of links
    LOCKS = auto()
    RELEASES = auto()  # the descriptor, and the locks that it holds


NOTHING: Final = Use(0)
LOOKS: Final = Use.READS | Use.INSPECTS | Use.LISTS
NAMES: Final = Use.MAKES | Use.TAKES
BYTES: Final = Use.WRITES | Use.CUTS
ON_DISK: Final = NAMES | BYTES | Use.ALTERS  # changes the disk
CHANGES: Final = ON_DISK | Use.LOCKS | Use.RELEASES


class Answer(Enum):
    """What a successful call answers."""

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
        faults: the faults that may be injected; for ``open`` a superset, see ``faults_of``.
        silent: it is no step of its own: no other process can see it, and it never waits.
        tells_time: its answer depends on a clock.
        waits: it is never completed: a signal or the request to exit ends it.
        serves: an owner waits in it, and the request to exit ends it.
        passes_time: it moves the clock, and lets other processes go first.
        syncs: what was written to the file is on the disk afterwards.
        enters: it makes a folder the working directory of its process, which ``/proc`` shows.
        sends_signal: to the process that its first argument names.
        lists_processes: it reports every process of the machine.
        shown: its name in reports.
        also: another function of ``os`` that makes it, beside the one of its name.
        source_first: the function of ``os`` has the two descriptors the other way round. The first one of a
            row is what the call is about.
    """

    name: str
    arguments: tuple[Argument, ...] = ()
    answer: Answer = Answer.NOTHING
    faults: tuple[str, ...] = ()
    silent: bool = False
    tells_time: bool = False
    waits: bool = False
    serves: bool = False
    passes_time: bool = False
    syncs: bool = False
    enters: bool = False
    sends_signal: bool = False
    lists_processes: bool = False
    shown: str = ""
    also: str = ""
    source_first: bool = False

    @property
    def use(self) -> Use:
        """Everything that it may do to files."""
        use = NOTHING
        for argument in self.arguments:
            use |= argument.use
        return use

    @property
    def ends(self) -> bool:
        """Whether it ends its process."""
        return self.has(Kind.STATUS)

    def has(self, kind: Kind) -> bool:
        """Whether an argument is of a kind."""
        return any(argument.kind is kind for argument in self.arguments)


def _path(use: Use = NOTHING, *, follows: bool = True) -> Argument:
    return Argument(Kind.PATH, Use.FINDS | use, follows)


def _fd(use: Use = NOTHING) -> Argument:
    return Argument(Kind.FD, use)


_FLAGS, _OPERATION, _DATA, _SIZE = map(Argument, (Kind.FLAGS, Kind.OPERATION, Kind.DATA, Kind.SIZE))
_PID, _SIGNAL, _POSITION, _NUMBER = map(Argument, (Kind.PID, Kind.SIGNAL, Kind.POSITION, Kind.NUMBER))
_USER: Final = Argument(Kind.USER)
_TAKES: Final = ("eio", "erofs", "eacces")
_MAKES: Final = ("eio", "enospc", "erofs", "eacces")

_ROWS: Final = (
    # -- open files
    Syscall(
        "open",
        (_path(Use.READS | Use.INSPECTS), _FLAGS, _NUMBER),
        Answer.DESCRIPTOR,
        ("eacces", "emfile", "eio", "erofs", "enospc"),
    ),
    Syscall("close", (_fd(Use.RELEASES),), faults=("eio", "eintr")),
    Syscall("dup", (_fd(),), Answer.DESCRIPTOR, ("emfile",)),
    Syscall("read", (_fd(Use.READS), _SIZE), Answer.DATA, ("eio",)),
    Syscall("pread", (_fd(Use.READS), _SIZE, _POSITION), Answer.DATA, ("eio",)),
    Syscall("write", (_fd(Use.WRITES), _DATA), Answer.WRITTEN, ("eio", "enospc", SHORT)),
    Syscall("pwrite", (_fd(Use.WRITES), _DATA, _POSITION), Answer.WRITTEN, ("eio", "enospc", SHORT)),
    Syscall(
        "sendfile",
        (_fd(Use.WRITES), _fd(Use.READS), _POSITION, _SIZE),
        Answer.WRITTEN,
        ("eio", "enospc", SHORT),
    ),
    Syscall(
        "copy_file_range",
        (_fd(Use.WRITES), _fd(Use.READS), _POSITION, _SIZE, _POSITION),
        Answer.WRITTEN,
        ("eio", "enospc", SHORT),
        source_first=True,
    ),
    Syscall("lseek", (_fd(), _POSITION, Argument(Kind.WHENCE)), Answer.VALUE, silent=True),
    Syscall("ftruncate", (_fd(Use.CUTS), _POSITION), faults=("eio",)),
    Syscall("fsync", (_fd(),), faults=("eio", "enospc"), syncs=True),
    Syscall("fdatasync", (_fd(),), faults=("eio", "enospc"), syncs=True),
    Syscall("fdkind", (_fd(),), Answer.VALUE, silent=True),
    Syscall("fdpath", (_fd(),), Answer.VALUE, silent=True),
    Syscall("getfl", (_fd(),), Answer.VALUE, silent=True),
    Syscall("fstat", (_fd(Use.INSPECTS),), Answer.STATUS),
    # -- locks
    Syscall("flock", (_fd(Use.LOCKS), _OPERATION), faults=("enolck", "eio")),
    Syscall("lockf", (_fd(Use.LOCKS), _OPERATION, _POSITION, _POSITION, _NUMBER), faults=("enolck", "eio")),
    # -- names
    Syscall("stat", (_path(Use.INSPECTS), _NUMBER), Answer.STATUS, ("eacces", "eio"), also="lstat"),
    Syscall("access", (_path(Use.INSPECTS), _NUMBER), Answer.VALUE),
    Syscall("chdir", (_path(Use.INSPECTS),), Answer.VALUE, enters=True, also="fchdir"),
    Syscall("truncate", (_path(Use.CUTS), _POSITION), faults=_TAKES),
    Syscall("unlink", (_path(Use.TAKES, follows=False),), faults=_TAKES, also="remove"),
    Syscall(
        "rename",
        (_path(Use.TAKES, follows=False), _path(NAMES | Use.LISTS, follows=False)),
        faults=_MAKES,
        also="replace",
    ),
    Syscall(
        "link",
        (Argument(Kind.FILE, Use.FINDS | Use.ALTERS, follows=False), _path(Use.MAKES, follows=False)),
        faults=(*_MAKES, "eperm"),  # a file system without hard links
    ),
    Syscall("symlink", (Argument(Kind.TEXT), _path(Use.MAKES, follows=False)), faults=(*_MAKES, "eperm")),
    Syscall("readlink", (_path(Use.READS, follows=False),), Answer.VALUE, ("eacces", "eio")),
    Syscall("mkdir", (_path(Use.MAKES, follows=False), _NUMBER), faults=_MAKES),
    Syscall("rmdir", (_path(Use.TAKES | Use.LISTS, follows=False),), faults=_TAKES),
    Syscall("listdir", (_path(Use.LISTS),), Answer.NAMES, ("eacces", "eio", "emfile")),
    Syscall("scandir", (_path(Use.LISTS),), Answer.NAMES, ("eacces", "eio", "emfile")),
    Syscall("chmod", (_path(Use.ALTERS), _NUMBER), faults=("eperm", "erofs")),
    Syscall("fchmod", (_fd(Use.ALTERS), _NUMBER), faults=("eperm", "erofs")),
    Syscall("chown", (_path(Use.ALTERS), _USER, _USER, _NUMBER), faults=("eperm", "erofs"), also="lchown"),
    Syscall("fchown", (_fd(Use.ALTERS), _USER, _USER), faults=("eperm", "erofs")),
    Syscall(
        "utime",
        (Argument(Kind.FILE, Use.FINDS | Use.ALTERS), Argument(Kind.TIME), Argument(Kind.TIME)),
        faults=("eperm", "erofs"),
    ),
    Syscall("umask", (_NUMBER,), Answer.VALUE, silent=True),
    # -- processes and signals
    Syscall("kill", (_PID, _SIGNAL), faults=("eperm",), sends_signal=True, also="killpg"),
    Syscall("pidfd_open", (_PID, _NUMBER), Answer.DESCRIPTOR, ("emfile", "eperm")),
    Syscall("pidfd_send_signal", (_fd(), _SIGNAL), faults=("eperm",), sends_signal=True),
    Syscall("sigaction", (_NUMBER, Argument(Kind.DISPOSITION)), silent=True),
    Syscall("pid_exists", (_PID,), Answer.VALUE),
    Syscall("pids", (), Answer.NAMES, lists_processes=True),
    Syscall("inspect", (_PID,), Answer.PROCESS, shown="psutil"),
    Syscall("exit", (Argument(Kind.STATUS), Argument(Kind.OUTCOME))),
    # -- time, and waiting
    Syscall("sleep", (Argument(Kind.DURATION),), passes_time=True),
    Syscall("select", (Argument(Kind.FDS), Argument(Kind.DURATION)), Answer.VALUE, passes_time=True),
    Syscall("clock", (_NUMBER,), Answer.VALUE, silent=True, tells_time=True),
    Syscall("wall", (), Answer.VALUE, silent=True, tells_time=True),
    Syscall("pause", waits=True),
    Syscall("serve", waits=True, serves=True),
)
SYSCALLS: Final = {row.name: row for row in _ROWS}

SILENT: Final = frozenset(row.name for row in _ROWS if row.silent)
WAITS: Final = frozenset(row.name for row in _ROWS if row.waits)
ENDS: Final = frozenset(row.name for row in _ROWS if row.has(Kind.STATUS))
OPENS: Final = frozenset(row.name for row in _ROWS if row.answer is Answer.DESCRIPTOR)
CLOSES: Final = frozenset(row.name for row in _ROWS if row.use & Use.RELEASES)
SIGNALLING: Final = frozenset(row.name for row in _ROWS if row.sends_signal)
