"""The entry points of ``os`` that make, list and enter folders, as a simulated process sees them."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from stateful.kernel import real
from stateful.python.file_calls import descriptor
from stateful.python.path_calls import changed_path, stat
from stateful.python.paths import holds_programs, on_host, virtual_path
from stateful.python.refusal import AT_HOME, refuse

if TYPE_CHECKING:
    from stateful.python.file_calls import EntryPoint
    from stateful.python.interpreter import Interpreter


def _folder(process: Interpreter, path: Any) -> str:
    """The virtual path of a folder, given its path or descriptor."""
    if not isinstance(path, int):
        where = virtual_path(process, path)
    elif not (where := str(process.call("fdpath", path))):
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    if holds_programs(where):
        refuse(process, f"looked into {where}, which is outside its home directory", AT_HOME)
    return where


def _listed(process: Interpreter, path: Any) -> str:
    """The virtual path of a folder that is listed. A descriptor of ``O_PATH`` does not let one list it."""
    if isinstance(path, int) and process.call("getfl", path) & real.O_PATH:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    return _folder(process, path)


def mkdir(process: Interpreter, path: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
    process.call("mkdir", changed_path(process, path, dir_fd, "make a directory at"), mode & 0o7777)


def rmdir(process: Interpreter, path: Any, *, dir_fd: int | None = None) -> None:
    process.call("rmdir", changed_path(process, path, dir_fd, "remove the directory"))


def listdir(process: Interpreter, path: Any = ".") -> list[Any]:
    where = _listed(process, path)
    if on_host(where):
        return sorted(process.outside(real.listdir, where))
    names = list(process.call("listdir", where))
    return list(map(os.fsencode, names)) if isinstance(path, bytes) else names


class DirectoryEntry:
    """An entry yielded by ``os.scandir``: its kind is known from the listing, ``stat`` is a call."""

    def __init__(self, process: Interpreter, path: Any, where: str, kind: str) -> None:
        self.name = os.path.basename(path)
        self.path = path
        self._where = where
        self._process = process
        self._kind = kind

    def __fspath__(self) -> Any:
        return self.path

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        if self._kind == "link" and follow_symlinks:
            return os.path.isdir(self._where)
        return self._kind == "dir"

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        if self._kind == "link" and follow_symlinks:
            return os.path.isfile(self._where)
        return self._kind == "file"

    def is_symlink(self) -> bool:
        return self._kind == "link"

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return stat(self._process, self._where, follow_symlinks=follow_symlinks)

    def inode(self) -> int:
        return self.stat(follow_symlinks=False).st_ino


class Listing:
    """The iterator and context manager that ``os.scandir`` returns."""

    def __init__(self, entries: list[DirectoryEntry]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[DirectoryEntry]:
        return self._entries

    def __next__(self) -> DirectoryEntry:
        return next(self._entries)

    def __enter__(self) -> Listing:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


def scandir(process: Interpreter, path: Any = ".") -> Any:
    where = _listed(process, path)
    if on_host(where):
        return process.outside(real.scandir, where)
    folder: Any = "" if isinstance(path, int) else os.fspath(path)
    as_given: Callable[[str], Any] = os.fsencode if isinstance(folder, bytes) else str
    found = process.call("scandir", where)
    return Listing(
        [
            DirectoryEntry(process, os.path.join(folder, as_given(name)), f"{where}/{name}", kind)
            for name, kind in found
        ]
    )


def getcwd(process: Interpreter) -> str:
    return process.folder_of_work


def getcwdb(process: Interpreter) -> bytes:
    return os.fsencode(process.folder_of_work)


def chdir(process: Interpreter, path: Any) -> None:
    where = _folder(process, path)
    if on_host(where):
        refuse(process, f"went to {where}, which is outside its home directory", AT_HOME)
    process.folder_of_work = process.call("chdir", where)


def fchdir(process: Interpreter, fd: Any) -> None:
    chdir(process, descriptor(fd))


FOLDER_CALLS: dict[str, EntryPoint] = {
    function.__name__: function
    for function in (mkdir, rmdir, listdir, scandir, getcwd, getcwdb, chdir, fchdir)
}
