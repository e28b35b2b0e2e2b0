"""The kernel: a process table, a clock, a real temporary directory, and the one way to make a call."""

from __future__ import annotations

import os
import stat
import tempfile
import weakref
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from stateful.kernel import call_faults, disk_faults, locks, proc, real, signals, switch
from stateful.kernel import names as names  # registers its calls
from stateful.kernel.call import Call, Errno, UnmodelledSyscall
from stateful.kernel.disk import HOME, Disk, scan
from stateful.kernel.files import SYSCALLS, Inode, OpenFile
from stateful.kernel.machine import MACHINE, Machine, Stranger
from stateful.kernel.process import Entry, Outcome, Process

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SKELETON: Final = ("", "/home", "/home/user", "/run", "/tmp")
HOMES: Final = "/home/user"
FIRST_SKELETON_LABEL: Final = 1_000_000
HOME_LABEL: Final = 1_000_100
CLOCK_START_US: Final = 1_750_000_000_000_000
NOT_FOLLOWING: Final = ("link", "mkdir", "readlink", "rename", "rmdir", "symlink", "unlink")
SHARED_MEMORY: Final = "/dev/shm"


class SharedState(NamedTuple):
    """Everything that more than one process can see, as a hashable value.

    What a call does depends on this, on the caller's ``own_state`` and on nothing else. That is what
    lets the exhaustive search make each call only once from each such pair.

    Attributes:
        table: each live process.
        opens, flocks: (serial of the inode, how often it is open, or a lock on it).
        record_locks: the ``lockf`` locks, with serials for inodes.
        clock, skew, strangers, boots, condition: see ``Kernel``.
    """

    disk: Disk
    table: tuple[Entry, ...]
    opens: tuple[tuple[int, int], ...]
    flocks: tuple[tuple[int, str], ...]
    record_locks: tuple[locks.RecordLock, ...]
    clock: int
    skew: int
    labels: int
    strangers: tuple[Stranger, ...]
    boots: int
    condition: str


class Kernel:
    """One simulated machine.

    Attributes:
        root: the real directory that processes see as ``/``.
        processes: every process that ever ran, by letter.
        strangers: the other processes of the machine, by pid.
        clock: microseconds since the epoch, by the monotonic clock; only sleeping moves it.
        skew: by how many microseconds the wall clock is ahead of that.
        boots: how often the machine was started.
        condition: what the disk suffers from: ``full``, ``read-only`` or nothing.
        closed: whether there may be a folder whose permission bits keep its owner out.
    """

    def __init__(self, machine: Machine = MACHINE) -> None:
        name = f"stateful-{os.getpid()}-{token_hex(8)}"
        self.root = os.path.join(temporary_folder() or tempfile.gettempdir(), name)
        # Also where nobody closes the kernel: at the latest when the interpreter exits. Before there is
        # anything to remove, since an interrupt may come right after there is.
        self._remove = weakref.finalize(self, _remove, self.root, os.getpid())
        real.mkdir(self.root, 0o700)
        self.skeleton = frozenset(SKELETON)
        for path in SKELETON[1:]:
            real.mkdir(self.root + path, 0o700)
        self.processes: dict[str, Process] = {}
        self.machine = machine
        self.strangers = {stranger.pid: stranger for stranger in machine.strangers}
        self.clock = CLOCK_START_US
        self.skew: int = 0
        self.boots: int = 1
        self.condition = ""
        self.record_locks: list[locks.RecordLock] = []
        self.proc = machine.proc
        self.closed = False
        self._skeleton_inodes = {}
        for number, path in enumerate(SKELETON, 1):
            inode = Inode(-number, self.clock, 0o700)
            inode.label = FIRST_SKELETON_LABEL + number
            self._skeleton_inodes[real.stat(self.root + path).st_ino] = inode
        self.inodes: dict[int, Inode] = dict(self._skeleton_inodes)
        self.folders = {HOMES}  # where there may be anything beside the skeleton
        self.labels = 0
        self._disk: Disk | None = None
        self._links = False
        disk_faults.make_home(self)
        self.inode(real.lstat(self.root + HOME).st_ino).label = HOME_LABEL

    # -- making calls ---------------------------------------------------------------------------

    def perform(self, process: Process, call: Call) -> Any:
        """Make a call of a process: its answer, an Errno, or BLOCKED where it cannot be made now."""
        if self._links:
            self._stay_inside(call)
        elif call.name == "symlink":
            self._links = True
        if self.condition:
            denied = call_faults.denies(self, call)
            if denied is not None:
                return Errno(denied)
        try:
            return SYSCALLS[call.name](self, process, *call.args)
        except OSError as error:
            if error.errno is None:
                raise
            return Errno(error.errno)

    def _stay_inside(self, call: Call) -> None:
        """Refuse to follow a link that climbs out of the temporary directory, as ``../../../..`` may."""
        follows = call.name not in NOT_FOLLOWING and call.args[-1:] != (False,)
        root = os.path.realpath(self.root)
        for path in call.args:
            if isinstance(path, str) and path.startswith("/"):
                where = self.root + (path if follows else path.rpartition("/")[0])
                if not f"{os.path.realpath(where)}/".startswith(f"{root}/"):
                    raise UnmodelledSyscall(
                        f"the subject followed a link in {path} that leads out of the simulated machine"
                    )

    def find(self, pid: int) -> Process | Stranger | None:
        """The live process with a pid, or None."""
        for process in self.processes.values():
            if process.pid == pid and process.alive:
                return process
        return self.strangers.get(pid)

    def population(self) -> Iterator[Process | Stranger]:
        """Every live process of the machine."""
        yield from self.strangers.values()
        yield from (process for process in self.processes.values() if process.alive)

    def send(self, pid: int, number: int) -> None:
        """Send a signal; a stranger that is sent one takes no notice, unless it is SIGKILL."""
        target = self.find(pid)
        if isinstance(target, Process):
            signals.deliver(self, target, number)
        elif target is not None and number in (9, 15):
            del self.strangers[pid]

    @property
    def now(self) -> int:
        """Microseconds since the epoch, by the wall clock."""
        return self.clock + self.skew

    def reboot(self) -> None:
        """Kill everybody and start the machine again."""
        for process in self.processes.values():
            if process.alive:
                self.end(process, Outcome("killed", "a reboot"))
        self.strangers = {}
        self.boots += 1

    def end(self, process: Process, outcome: Outcome) -> None:
        """A process is no more: its descriptors close, which drops its locks. Nothing of it runs."""
        process.outcome = outcome
        process.signals.clear()
        process.stopped = False
        for file in process.fds.values():
            self.release(file)
        process.fds.clear()
        for inode in self.inodes.values():
            if inode.writer == process.letter:
                inode.writer, self._disk = None, None
        self.record_locks = [lock for lock in self.record_locks if lock.letter != process.letter]

    def put(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Write files, as the world did before anybody ran."""
        for path, content in files:
            fd = real.open(self.root + path, real.O_CREAT | real.O_TRUNC | 1, 0o600)
            real.write(fd, content)
            real.close(fd)
            self.named(path)
        self._disk = None
        self.disk()

    # -- what the calls keep ----------------------------------------------------------------------

    def changed(self, inode: int | None = None, writer: Process | None = None) -> None:
        """Note that the disk is not what it was, and who wrote to which inode."""
        self._disk = None
        if inode is not None and writer is not None:
            record = self.inode(inode)
            record.writer = writer.letter
            record.mtime = self.now

    def named(self, path: str) -> None:
        """Note that a name was made, so that it is found when the disk is read."""
        folder = path.rpartition("/")[0]
        if folder in self.skeleton:
            self.folders.add(folder)

    def inode(self, number: int) -> Inode:
        """What is known of a real inode number."""
        record = self.inodes.get(number)
        if record is None:
            taken = {inode.serial for inode in self.inodes.values()}
            serial = next(serial for serial in count() if serial not in taken)
            record = self.inodes[number] = Inode(serial, self.now, 0o600)
        return record

    def lost_a_name(self, inode: os.stat_result) -> None:
        """Forget an inode that has just lost its last name and that nobody has open."""
        last = 2 if stat.S_ISDIR(inode.st_mode) else 1
        if inode.st_nlink <= last and not self.inode(inode.st_ino).opens:
            del self.inodes[inode.st_ino]

    def has_links(self) -> None:
        """Note that there may be links on the disk."""
        self._links = True

    def next_label(self) -> int:
        """The inode number of the next file that somebody looks at: never one that was used before."""
        self.labels += 1
        self._disk = None
        return self.labels

    def release(self, file: OpenFile) -> None:
        """Drop one reference to an open file; the last one closes it, which drops its lock."""
        file.references -= 1
        if file.references == 0 and file.real is not None:
            inode = self.inode(file.inode)
            inode.opens -= 1
            if not inode.opens and not real.fstat(file.real).st_nlink:
                del self.inodes[file.inode]
                self._disk = None
            real.close(file.real)

    def drop_record_locks(self, process: Process, inode: int) -> None:
        """Closing any descriptor of a file drops all of the process's lockf locks on it: fcntl(2)."""
        if self.record_locks:
            self.record_locks = [
                lock for lock in self.record_locks if lock.letter != process.letter or lock.inode != inode
            ]

    open_proc = proc.open_proc
    read_proc = proc.read_proc
    pread_proc = proc.pread_proc
    seek_proc = proc.seek_proc
    stat_proc = proc.stat_proc
    readlink_proc = proc.readlink_proc
    list_proc = proc.list_proc

    # -- its state as a value ---------------------------------------------------------------------

    def disk(self) -> Disk:
        """What stands on the disk now."""
        if self._disk is None:
            self._disk = scan(self)
        return self._disk

    def is_ailing(self) -> bool:
        """Whether the disk is in a state in which less is owed to a process."""
        return bool(self.condition) or (self._links and self.disk().is_misused())

    def known_disk(self) -> Disk | None:
        """What stands on the disk, where that has been looked at since it last changed."""
        return self._disk

    def remember_disk(self, disk: Disk) -> None:
        """Take a disk that was just restored as read."""
        self._disk = disk
        self._links = any(file.kind == "link" for _, file in disk.files)

    def clear_disk(self) -> None:
        """Remove everything that processes made."""
        for path, file in reversed(self.disk().by_path().items()):
            (real.rmdir if file.kind == "dir" else real.unlink)(self.root + path)
        self._disk = None
        self.inodes = dict(self._skeleton_inodes)
        self.closed = False
        self.folders = {HOMES}

    def shared_state(self) -> SharedState:
        """Everything that more than one process can see now."""
        opens = tuple(sorted((inode.serial, inode.opens) for inode in self.inodes.values() if inode.opens))
        flocks = []
        table = []
        for process in self.processes.values():
            if process.alive:
                signals, dispositions = tuple(process.signals), tuple(sorted(process.dispositions.items()))
                table.append(Entry(process.letter, process.life, process.stopped, signals, dispositions))
                files = {id(file): file for file in process.fds.values()}.values()
                flocks += [(self.inode(file.inode).serial, file.lock) for file in files if file.lock]
        record_locks = tuple(
            sorted(lock._replace(inode=self.inode(lock.inode).serial) for lock in self.record_locks)
        )
        return SharedState(
            self.disk(),
            tuple(sorted(table)),
            opens,
            tuple(sorted(flocks)),
            record_locks,
            self.clock,
            self.skew,
            self.labels,
            tuple(sorted(self.strangers.values())),
            self.boots,
            self.condition,
        )

    def own_state(self, process: Process) -> tuple[Any, ...]:
        """What only one process can see of the kernel: its mask and its open files."""
        shared: dict[int, int] = {}
        return (
            process.umask,
            tuple(
                (fd, self._describe(file, shared.setdefault(id(file), len(shared))))
                for fd, file in sorted(process.fds.items())
            ),
        )

    def _describe(self, file: OpenFile, number: int) -> tuple[Any, ...]:
        if file.real is None:
            return ("proc", file.path, file.content, file.offset, number)
        serial, offset = self.inode(file.inode).serial, real.lseek(file.real, 0, 1)
        return (serial, file.path, file.flags, file.lock, offset, number)

    def close(self) -> None:
        """Unwind every process and remove the temporary directory."""
        try:
            for process in self.processes.values():
                if process.outcome is None:
                    self.end(process, Outcome("killed", "SIGKILL"))
            switch.bury(self.processes.values())
        finally:
            self._remove()


def temporary_folder() -> str | None:
    """Where temporary directories go: memory where the host has it, 3 us a call instead of 22 us."""
    return SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK | os.X_OK) else None


def _remove(root: str, owner: int) -> None:
    """Remove a temporary directory, whatever its permission bits say; a forked child leaves it alone."""
    if os.getpid() != owner:
        return
    real.rmtree(root, ignore_errors=True)
    if os.path.exists(root):
        for folder, names, _ in os.walk(root):
            for name in names:
                if not os.path.islink(f"{folder}/{name}"):
                    os.chmod(f"{folder}/{name}", 0o700)
        real.rmtree(root, ignore_errors=True)
