"""The kernel: a process table, a clock, a real temporary directory, and the one way to make a call."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
import weakref
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Final

from stateful.kernel import copies as copies  # registers its calls
from stateful.kernel import failing_calls, locks, proc, real, signals, state
from stateful.kernel import names as names  # registers its calls
from stateful.kernel.files import IMPLEMENTATIONS, OpenFile, allow_open_files
from stateful.kernel.persistence import Persistence, all_on_disk, syncs
from stateful.kernel.process import Process
from stateful.kernel.scan import scan
from stateful.kernel.status import Inode, now
from stateful.kernel.temporary import remove_own, temporary_folder
from stateful.model.call import Call, Errno, UnmodelledSyscall
from stateful.model.clock import START, Clock
from stateful.model.disk import HOME, NO_DISK, Disk
from stateful.model.lifecycle import Outcome
from stateful.model.machine import FOLDERS, INIT, MACHINE, USER, Machine, Stranger
from stateful.model.syscalls import SYSCALLS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

HOMES: Final = "/home/user"
FIRST_SKELETON_LABEL: Final = 1_000_000
HOME_LABEL: Final = 1_000_100


class Kernel:
    """One simulated machine.

    Attributes:
        root: the real directory that processes see as ``/``.
        processes: every process that ever ran, by letter.
        strangers: the other processes of the machine and the zombies, by pid and namespace.
        clock: its time; only sleeping and the world move it.
        boots: how often the machine was started.
        condition: how the disk fails: ``full``, ``read-only`` or empty.
        orders: the order of each folder that has listed two names, or whose order the world has chosen.
        persistence: what a power loss may leave of the disk; None if power cannot be lost.
        dated: whether it knows more times of files than that of the last write.
    """

    def __init__(self, machine: Machine = MACHINE) -> None:
        name = f"stateful-{os.getpid()}-{token_hex(8)}"
        self.root = os.path.join(temporary_folder() or tempfile.gettempdir(), name)
        # Removes the directory at the latest when the interpreter exits, even without a call of close().
        # Registered before the directory is made, since an interrupt may come right after that.
        self._remove = weakref.finalize(self, remove_own, self.root, os.getpid())
        real.mkdir(self.root, 0o700)
        allow_open_files()
        self.skeleton = frozenset(FOLDERS)
        for path in list(FOLDERS)[1:]:
            real.mkdir(self.root + path, 0o700)
        self.processes: dict[str, Process] = {}
        self.machine = machine
        self.strangers: dict[tuple[int, str], Stranger] = {}
        for stranger in machine.strangers:
            self.admit(stranger)
        self.clock: Clock = START
        self.boots: int = 1
        self.condition = ""
        self.orders: dict[str, str] = {}
        self.persistence: Persistence | None = None
        self.record_locks: list[locks.RecordLock] = []
        self.proc = machine.proc
        self.dated = True
        self._skeleton_inodes = {}
        self._skeleton_by_path = {}
        for number, (path, (mode, uid)) in enumerate(FOLDERS.items(), 1):
            inode = self._skeleton_by_path[path] = Inode(-number, now(self), mode, uid, uid)
            inode.label = FIRST_SKELETON_LABEL + number
            self._skeleton_inodes[real.stat(self.root + path).st_ino] = inode
        self.inodes: dict[int, Inode] = dict(self._skeleton_inodes)
        self.folders = {HOMES}  # the folders in which there may be more than the skeleton
        self.labels = 0
        self._disk: Disk | None = None
        self._followed: Disk = NO_DISK  # the disk that ``persistence`` describes
        self.links = False
        for number, (path, uid) in enumerate({HOME: USER, **machine.folders}.items()):
            self.make_folder(path, uid).label = HOME_LABEL + number

    # -- making calls

    def perform(self, process: Process, call: Call) -> Any:
        """Make a call of a process; return its answer, an Errno, or BLOCKED if it cannot be made now."""
        if self.links:
            self._stay_inside(call)
        elif SYSCALLS[call.name].has(Kind.TEXT):
            self.links = True
        if self.condition:
            denied = failing_calls.denies(self, process, call)
            if denied is not None:
                return Errno(denied)
        try:
            if self.persistence is not None:
                return self._perform_durably(process, call)
            return IMPLEMENTATIONS[call.name](self, process, *call.args)
        except OSError as error:
            # ENOSPC means here that the host's own disk is full: a full simulated disk is handled above.
            if error.errno in (None, errno.ENOSPC):
                raise
            return Errno(error.errno)

    def keep_track(self) -> None:
        """From now on, keep track of what a power loss may leave; the current disk counts as synced."""
        self._followed = self.disk()
        self.persistence = all_on_disk(self._followed)

    def follow(self) -> Persistence | None:
        """What a power loss may leave of the disk now."""
        if self.persistence is not None and self._followed is not self.disk():
            self.persistence = self.persistence.follow(self._followed, self.disk())
            self._followed = self.disk()
        return self.persistence

    def _perform_durably(self, process: Process, call: Call) -> Any:
        """Make a call, and keep track of what a power loss may leave of the disk."""
        self.follow()  # a process may have been killed since the last call, which changes the disk
        file = process.fds.get(call.args[0]) if call.args and isinstance(call.args[0], int) else None
        answer = IMPLEMENTATIONS[call.name](self, process, *call.args)
        persistence = self.follow()
        if file is not None and file.real is not None and syncs(call, file) and persistence is not None:
            serial = self.inode(file.inode).serial
            if stat.S_ISDIR(real.fstat(file.real).st_mode):
                folders = [path for path, inode in self.disk().names if inode == serial] or [file.path]
                self.persistence = persistence.sync_folder(self.disk(), folders[0])
            else:
                self.persistence = persistence.sync_file(self.disk(), serial)
        return answer

    def _stay_inside(self, call: Call) -> None:
        """Refuse to follow a link that climbs out of the temporary directory, as ``../../../..`` may."""
        root = os.path.realpath(self.root)
        for argument, path in zip(SYSCALLS[call.name].arguments, call.args, strict=True):
            if argument.kind in (Kind.PATH, Kind.FILE, Kind.TEXT) and str(path).startswith("/"):
                follows = argument.follows and call.args[-1:] != (False,)
                where = self.root + (path if follows else path.rpartition("/")[0])
                if not f"{os.path.realpath(where)}/".startswith(f"{root}/"):
                    raise UnmodelledSyscall(
                        f"the subject followed a link in {path} that leads out of the simulated machine"
                    )

    def find(self, pid: int, namespace: str = "") -> Process | Stranger | None:
        """The live process or stranger that has a pid in a pid namespace, or None."""
        for process in self.processes.values():
            if process.pid == pid and process.namespace == namespace and process.alive:
                return process
        return INIT if (pid, namespace) == (INIT.pid, "") else self.strangers.get((pid, namespace))

    def population(self, namespace: str) -> Iterator[Process | Stranger]:
        """Every live process and stranger in a pid namespace."""
        yield from (each for each in (INIT, *self.strangers.values()) if each.namespace == namespace)
        processes = self.processes.values()
        yield from (each for each in processes if each.alive and each.namespace == namespace)

    def send(self, target: Process | Stranger, number: int) -> None:
        """Send a signal."""
        if isinstance(target, Process):
            signals.deliver(self, target, number)
        else:
            signals.deliver_to_stranger(self, target, number)

    def admit(self, stranger: Stranger) -> None:
        """Put a stranger into the process table."""
        self.strangers[stranger.pid, stranger.namespace] = stranger

    @property
    def now(self) -> int:
        """Microseconds since the epoch, by the wall clock."""
        return self.clock.wall

    def reboot(self) -> None:
        """Kill every process and boot the machine again."""
        for process in self.processes.values():
            if process.alive:
                self.end(process, Outcome("killed", "a reboot"))
        self.strangers = {}
        self.boots += 1
        self.clock = self.clock.rebooted()

    def end(self, process: Process, outcome: Outcome) -> None:
        """End a process: its descriptors close, which drops its locks. None of its code runs.

        On a machine that does not reap, it stays as a zombie.
        """
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
        if not self.machine.reaps:
            pid, ticks, uid = process.pid, process.start_ticks, process.uid
            argv, where = (process.comm or process.argv[0], *process.argv[1:]), process.namespace
            self.admit(Stranger(pid, ticks, argv, uid, zombie=True, namespace=where))

    def put(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Write the files that are on the disk before any process runs."""
        for path, content in files:
            fd = real.open(self.root + path, real.O_CREAT | real.O_TRUNC | 1, 0o600)
            real.write(fd, content)
            real.close(fd)
            self.named(path)
        self._disk = scan(self)

    # -- what the calls keep

    def changed(self, inode: int | None = None, writer: Process | None = None) -> None:
        """Note that the disk has changed, and which process wrote to which inode."""
        self._disk = None
        if inode is not None and writer is not None:
            record = self.inode(inode)
            record.writer = writer.letter
            record.mtime = record.ctime = now(self)

    def named(self, path: str) -> None:
        """Note a new name, so that reading the disk finds it."""
        folder = path.rpartition("/")[0]
        if folder in self.skeleton:
            self.folders.add(folder)

    def inode(self, number: int) -> Inode:
        """The record of a real inode number, made if there is none."""
        record = self.inodes.get(number)
        if record is None:
            taken = {inode.serial for inode in self.inodes.values()}
            serial = next(serial for serial in count() if serial not in taken)
            record = self.inodes[number] = Inode(serial, now(self), 0o600)
        return record

    def inode_of(self, path: str) -> Inode:
        """The record of a folder that every machine has."""
        return self._skeleton_by_path[path]

    def lost_a_name(self, inode: os.stat_result) -> None:
        """Drop the record of an inode that has just lost its last name, if no process has it open."""
        last = 2 if stat.S_ISDIR(inode.st_mode) else 1
        if inode.st_nlink <= last and not self.inode(inode.st_ino).opens:
            del self.inodes[inode.st_ino]

    def has_links(self) -> None:
        """Note that there may be links on the disk."""
        self.links = True

    def next_label(self, inode: Inode) -> int:
        """The inode number of a file that a process looks at for the first time.

        It is a number that was never used before, as on tmpfs, or the lowest free one, as on ext4.
        """
        self._disk = None
        if self.machine.reuses_inodes:
            return inode.serial + 1
        self.labels += 1
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
    write_proc = proc.write_proc
    seek_proc = proc.seek_proc
    stat_proc = proc.stat_proc
    readlink_proc = proc.readlink_proc
    list_proc = proc.list_proc

    # -- its state as a value

    def disk(self) -> Disk:
        """The current contents of the disk."""
        if self._disk is None:
            self._disk = scan(self)
        return self._disk

    def known_disk(self) -> Disk | None:
        """The contents of the disk, if they were read since the last change; else None."""
        return self._disk

    def remember_disk(self, disk: Disk) -> None:
        """Take the contents of a disk that was just restored as read."""
        self._disk = self._followed = disk
        self.links = any(file.kind == "link" for _, file in disk.files)

    def clear_disk(self) -> None:
        """Remove everything that processes made."""
        for path, file in reversed(self.disk().by_path().items()):
            (real.rmdir if file.kind == "dir" else real.unlink)(self.root + path)
        self._disk = None
        self.inodes = dict(self._skeleton_inodes)
        self.folders = {HOMES}

    table = state.table
    shared_state = state.shared_state
    own_state = state.own_state
    disk_fails = state.disk_fails
    hindrance = state.hindrance
    is_planted = state.is_planted
    check = state.check

    def kill_all(self) -> None:
        """End every live process."""
        for process in self.processes.values():
            if process.alive:
                self.end(process, Outcome("killed", "SIGKILL"))

    def make_folder(self, path: str, uid: int = USER) -> Inode:
        """Make a folder, such as the home, empty."""
        real.mkdir(self.root + path, 0o700)
        inode = self.inode(real.lstat(self.root + path).st_ino)
        inode.mode, inode.uid, inode.gid = 0o700, uid, uid
        self.named(path)
        self.changed()
        return inode

    def close(self) -> None:
        """End every live process, and remove the temporary directory."""
        try:
            self.kill_all()
        finally:
            self._remove()
