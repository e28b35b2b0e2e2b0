"""Puts a kernel into a given state: the disk, the process table, every open file and lock.

Thus the exhaustive search can make one call from any known state, on real files, without executing the
path to that state again.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Any, Final

from stateful.kernel import real
from stateful.kernel.files import WRITABLE, OpenFile, is_nameless
from stateful.kernel.status import Inode
from stateful.model.machine import FOLDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process
    from stateful.kernel.state import SharedState
    from stateful.model.disk import Disk, File

NAMELESS: Final = "/nameless-"
_NOT_AGAIN: Final = os.O_CREAT | os.O_EXCL | os.O_TRUNC | real.O_TMPFILE | real.O_PATH


def restore(
    kernel: Kernel,
    shared: SharedState,
    own: Mapping[str, Any],
    new_process: Callable[[str, str], Process],
) -> None:
    """Bring the kernel into the state in which ``shared_state`` and each ``own_state`` are as given."""
    for process in kernel.processes.values():
        for file in process.fds.values():
            if file.real is not None and file.references:
                file.references = 0
                real.close(file.real)
        process.fds.clear()
    nameless = {serial for serial, _ in shared.disk.files} - {serial for _, serial in shared.disk.names}
    if nameless or kernel.known_disk() != shared.disk:
        restore_disk(kernel, shared.disk)
    kernel.clock, kernel.labels = shared.clock, shared.labels
    kernel.boots, kernel.condition = shared.boots, shared.condition
    kernel.orders = dict(shared.orders)
    kernel.persistence = shared.persistence
    kernel.strangers = {(each.pid, each.namespace): each for each in shared.strangers}
    serials = {inode.serial: number for number, inode in kernel.inodes.items()}
    for inode in kernel.inodes.values():
        inode.opens = 0
    kernel.processes = {}
    names = {-number: path for number, path in enumerate(FOLDERS, 1)}
    names.update((serial, path) for path, serial in shared.disk.names)
    for letter, life, folder, stopped, signals, dispositions, comm in shared.table:
        process = kernel.processes[letter] = new_process(letter, life)
        process.folder_of_work, process.stopped, process.comm = folder, stopped, comm
        process.signals = list(signals)
        process.dispositions = dict(dispositions)
        process.umask, table = own[letter]
        files: dict[int, OpenFile] = {}
        for fd, description in table:
            if description[-1] in files:
                files[description[-1]].references += 1
            else:
                files[description[-1]] = _reopen(kernel, description, serials, names)
            process.fds[fd] = files[description[-1]]
    kernel.record_locks = [lock._replace(inode=serials[lock.inode]) for lock in shared.record_locks]
    kinds = {serial: file.kind for serial, file in shared.disk.files}
    for serial in nameless:
        (real.rmdir if kinds[serial] == "dir" else real.unlink)(f"{kernel.root}{NAMELESS}{serial}")
    kernel.remember_disk(shared.disk)


def _reopen(
    kernel: Kernel, description: tuple[Any, ...], serials: dict[int, int], names: dict[int, str]
) -> OpenFile:
    if description[0] == "proc":
        _, path, content, offset, flags, _ = description
        file = OpenFile(None, path, flags, 0)
        file.content, file.offset = content, offset
        return file
    serial, path, flags, lock, offset, _ = description
    where = kernel.root + names.get(serial, f"{NAMELESS}{serial}")
    wanted = flags & ~_NOT_AGAIN
    wanted = wanted ^ WRITABLE if wanted & WRITABLE == 1 else wanted
    if is_nameless(flags) and not flags & os.O_EXCL and serial not in names:
        fd = _make_nameless(kernel, where, wanted)
        serials[serial] = real.fstat(fd).st_ino
    else:
        fd = real.open(where, wanted)
    file = OpenFile(fd, path, flags, serials[serial])
    kernel.inodes[file.inode].opens += 1
    if offset:
        real.lseek(fd, offset, 0)
    if lock:
        real.flock(fd, {"SH": fcntl.LOCK_SH, "EX": fcntl.LOCK_EX}[lock] | fcntl.LOCK_NB)
        file.lock = lock
    return file


def _make_nameless(kernel: Kernel, where: str, wanted: int) -> int:
    """Open a file that never had a name, so that it can be given one; ``where`` has its content."""
    fd = real.open(kernel.root, wanted | real.O_TMPFILE, 0o600)
    copy = real.open(where, os.O_RDONLY)
    while content := real.read(copy, 1 << 20):
        real.pwrite(fd, content, real.fstat(fd).st_size)
    real.close(copy)
    kernel.inodes[real.fstat(fd).st_ino] = kernel.inodes.pop(real.lstat(where).st_ino)
    return int(fd)


def restore_disk(kernel: Kernel, disk: Disk) -> None:
    """Replace the contents of the disk; files without a name get a temporary one."""
    kernel.clear_disk()
    files = dict(disk.files)
    made: dict[int, str] = {}
    for path, serial in disk.names:
        if serial in made:
            real.link(made[serial], kernel.root + path)
        else:
            made[serial] = kernel.root + path
            _make(kernel, files[serial], serial, made[serial])
        kernel.named(path)
    for serial in files.keys() - made.keys():
        _make(kernel, files[serial], serial, f"{kernel.root}{NAMELESS}{serial}")


def _make(kernel: Kernel, file: File, serial: int, where: str) -> None:
    if file.kind == "dir":
        real.mkdir(where, 0o700)
    elif file.kind == "link":
        target = os.fsdecode(file.content)
        real.symlink(kernel.root + target if target.startswith("/") else target, where)
    else:
        fd = real.open(where, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        if file.content:
            real.write(fd, file.content)
        real.close(fd)
    inode = Inode(serial, file.mtime or 0, file.mode, file.uid, file.gid)
    inode.label, inode.writer = file.label, file.writer
    if file.ctime is not None and file.atime is not None:
        inode.ctime, inode.atime = file.ctime, file.atime
    kernel.inodes[real.lstat(where).st_ino] = inode
