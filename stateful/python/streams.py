"""``open()``: CPython's own buffers over a raw file whose calls go through the kernel.

So a buffered write reaches the disk when CPython would send it, at flush or close, and a process that
is killed before that leaves an empty file.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

from stateful.kernel.files import STANDARD_STREAMS
from stateful.python.paths import is_elsewhere, is_program, on_host, virtual_path
from stateful.python.refusal import AT_HOME, LEAVE_IT_OUT, refuse

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from stateful.python.interpreter import Interpreter

_real_open = io.open


def _read_host(path: Any) -> bytes:
    """The whole content of a file of the host, so that a killed process leaves no descriptor open."""
    with _real_open(path, "rb") as file:
        return file.read()


BLOCK_SIZE = 4096  # what file systems of Linux recommend, and therefore the size of a buffer


class RawFile(io.RawIOBase):
    """The unbuffered file of a simulated process, like ``io.FileIO``."""

    def __init__(
        self, process: Interpreter, file: Any, mode: str, closefd: bool = True, opener: Any = None
    ) -> None:
        super().__init__()
        self._process = process
        self._reads = "r" in mode or "+" in mode
        self._writes = any(letter in mode for letter in "wxa+")
        self._closefd = closefd
        self.name = file if isinstance(file, int) else os.fspath(file)
        self.mode = mode
        if isinstance(file, int):
            if file < 0:
                raise ValueError("negative file descriptor")
            self._fd = file
        else:
            if not closefd:
                raise ValueError("Cannot use closefd=False with file name")
            flags = _flags(mode)
            if opener is not None:
                self._fd = opener(file, flags)
                if self._fd < 0:
                    raise ValueError(f"opener returned {self._fd}")
            else:
                where = virtual_path(process, file)
                if is_elsewhere(where, flags):
                    deed = f"opened {where} for writing, which is outside its home directory"
                    refuse(process, deed, AT_HOME)
                if is_program(where):
                    refuse(process, f"opened {where}, which is outside its home directory", AT_HOME)
                self._fd = process.call("open", where, flags, 0o666)
        if process.call("fdkind", self._fd) == "dir":
            if not isinstance(file, int):
                process.call("close", self._fd)
            super().close()
            raise IsADirectoryError(21, os.strerror(21), file)
        if "a" in mode:
            process.call("lseek", self._fd, 0, 2)

    def _call(self, name: str, *args: Any) -> Any:
        """Make a call; in a process that is being unwound nothing happens, and the call seems to succeed."""
        if self._process.unwound or not self._process.alive:
            return len(args[0]) if name == "write" else b"" if name == "read" else 0
        return self._process.call(name, self._fd, *args)

    def holding_back(self) -> AbstractContextManager[None]:
        """A context in which handlers of signals wait."""
        return self._process.holding_back()

    def readable(self) -> bool:
        return self._reads

    def writable(self) -> bool:
        return self._writes

    def seekable(self) -> bool:
        return True

    def fileno(self) -> int:
        self._check_open()
        return self._fd

    def isatty(self) -> bool:
        return False

    def readinto(self, buffer: Any) -> int:
        self._check_open()
        if not self._reads:
            raise io.UnsupportedOperation("read")
        data = self._call("read", len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        self._check_open()
        return bytes(self._call("read", -1))

    def write(self, data: Any) -> int:
        self._check_open()
        if not self._writes:
            raise io.UnsupportedOperation("write")
        return int(self._call("write", bytes(data)))

    def seek(self, offset: int, whence: int = 0) -> int:
        self._check_open()
        return int(self._call("lseek", offset, whence))

    def truncate(self, size: int | None = None) -> int:
        self._check_open()
        length = self.tell() if size is None else size
        self._call("ftruncate", length)
        return length

    def close(self) -> None:
        if self.closed:
            return
        try:
            if self._closefd:
                self._call("close")
        finally:
            super().close()

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("I/O operation on closed file")


class _Counts:
    """A buffer that counts what was written before the handler runs of a signal that arrives in that call."""

    raw: Any

    def write(self, data: Any) -> int:
        with self.raw.holding_back():
            return int(super().write(data))  # type: ignore[misc] # of the class beside it

    def flush(self) -> None:
        with self.raw.holding_back():
            super().flush()  # type: ignore[misc]


class BufferedWriter(_Counts, io.BufferedWriter):
    __module__ = io.BufferedWriter.__module__  # A process sees no other name than the real one's.


class BufferedRandom(_Counts, io.BufferedRandom):
    __module__ = io.BufferedRandom.__module__


class NullFile(io.RawIOBase):
    """``/dev/null``, the only device, or a standard stream: empty to read, and output is discarded."""

    def __init__(self, process: Interpreter, fd: int | None = None) -> None:
        self._process = process
        self._fd = fd

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._fd is None

    def fileno(self) -> int:
        if self._fd is None:
            refuse(
                self._process,
                f"asked for the descriptor of {os.devnull}, which is not modelled",
                LEAVE_IT_OUT,
            )
        return self._fd

    def readinto(self, buffer: Any) -> int:
        return 0

    def write(self, data: Any) -> int:
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0


def standard_streams(process: Interpreter) -> tuple[Any, Any, Any]:
    """The ``sys.stdin``, ``sys.stdout`` and ``sys.stderr`` of a process."""
    stdin, stdout, stderr = (NullFile(process, fd) for fd in STANDARD_STREAMS)
    return (
        io.TextIOWrapper(io.BufferedReader(stdin), "utf-8"),
        io.TextIOWrapper(io.BufferedWriter(stdout), "utf-8", "surrogateescape"),
        io.TextIOWrapper(io.BufferedWriter(stderr), "utf-8", "backslashreplace"),
    )


def _flags(mode: str) -> int:
    flags = os.O_RDWR if "+" in mode else os.O_RDONLY if "r" in mode else os.O_WRONLY
    flags |= {"w": os.O_CREAT | os.O_TRUNC, "x": os.O_CREAT | os.O_EXCL, "a": os.O_CREAT | os.O_APPEND}.get(
        next((letter for letter in mode if letter in "wxa"), ""), 0
    )
    return flags | os.O_CLOEXEC


def open_stream(
    process: Interpreter,
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    """``open()`` inside a simulated process: the same arguments, errors and layers."""
    kinds = [letter for letter in mode if letter in "rwxa"]
    if len(kinds) != 1 or len(set(mode)) != len(mode) or set(mode) - set("rwxatb+"):
        raise ValueError(f"invalid mode: {mode!r}")
    binary = "b" in mode
    if binary and ("t" in mode or encoding or errors or newline is not None):
        raise ValueError(f"binary mode takes no text arguments: {mode!r}")
    if not binary and buffering == 0:
        raise ValueError("can't have unbuffered text I/O")
    if not isinstance(file, int):
        where = virtual_path(process, file)
        if on_host(where):
            if kinds != ["r"] or "+" in mode:
                refuse(process, f"opened {where} for writing, which is outside its home directory", AT_HOME)
            copy = io.BytesIO(process.outside(_read_host, os.fspath(file)))
            copy.name = file  # as the real one has
            return copy if binary else io.TextIOWrapper(copy, io.text_encoding(encoding), errors, newline)
    elif file in (0, 1, 2):
        return io.BytesIO() if binary else io.StringIO()
    kind = mode.replace("t", "")
    null = not isinstance(file, int) and where == os.devnull
    raw: Any = NullFile(process) if null else RawFile(process, file, kind, closefd, opener)
    if buffering == 0:
        return raw
    size = buffering if buffering > 1 else BLOCK_SIZE
    buffer: Any
    if "+" in mode:
        buffer = io.BufferedRandom(raw, size) if null else BufferedRandom(raw, size)
    elif kinds == ["r"]:
        buffer = io.BufferedReader(raw, size)
    else:
        buffer = io.BufferedWriter(raw, size) if null else BufferedWriter(raw, size)
    stream: Any = buffer
    if not binary:
        stream = io.TextIOWrapper(buffer, io.text_encoding(encoding), errors, newline, buffering == 1)
        stream.mode = mode  # as open() does
    if raw.writable():
        process.streams[process.calls] = stream
    return stream
