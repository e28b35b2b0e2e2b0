"""The record in the PID file: what it says, how it is read, how it appears and how it goes.

Promised:

- A record appears whole or not at all: it is written under another name and renamed into place.
- Reading never hangs and never raises because of what stands in the file or in its place.

Not promised:

- Exclusion. Whoever changes a record holds the locks that ``locks`` tells of.
- That a record survives a power loss, so nothing is fsynced. A loss of power ends the process that
  a record names, and what is then left, whole or torn, is stale either way.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway_status import ownership

KIND = "hermes-gateway"
MAX_PID = 2**31 - 1
MAX_FILE_BYTES = 65_536
MAX_ARGV_CHARACTERS = MAX_FILE_BYTES // 16  # JSON may need twelve bytes for one character.
TEMPORARY_SUFFIX = ".new"

# Not every platform has every flag. O_NONBLOCK keeps a FIFO from holding a reader for ever.
CLOEXEC = getattr(os, "O_CLOEXEC", 0)
NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
NONBLOCK = getattr(os, "O_NONBLOCK", 0)
BINARY = getattr(os, "O_BINARY", 0)
READ_FLAGS = os.O_RDONLY | CLOEXEC | NOFOLLOW | NONBLOCK | BINARY
CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | CLOEXEC | NOFOLLOW | BINARY

# What open() says of a symbolic link (EMLINK on FreeBSD) or of a socket in the place of a file.
NOT_A_FILE = frozenset({errno.ELOOP, errno.EMLINK, errno.ENXIO})


class Record(NamedTuple):
    """Whom a PID file names; what the file does not tell is None, or no words of a command line."""

    pid: int
    start_time: int | None = None
    boot_id: str | None = None
    home: str | None = None
    since: str | None = None
    argv: tuple[str, ...] = ()


def parse(payload: Mapping[str, Any]) -> Record | None:
    """The record in a JSON object, or None where it names no process that could be a gateway."""
    pid = _integer(payload.get("pid"))
    if pid is None or not 0 < pid <= MAX_PID or payload.get("kind") not in (None, KIND):
        return None
    return Record(
        pid,
        _integer(payload.get("start_time")),
        _text(payload.get("boot_id")),
        _text(payload.get("home")),
        _text(payload.get("since")),
        tuple(map(str, argv)) if isinstance(argv := payload.get("argv"), list) else (),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _integer(value: Any) -> int | None:
    """An integer, which ``true`` is not, although Python counts it as one."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def describe(record: Record) -> dict[str, Any]:
    """What a PID file says of a gateway: the inverse of ``parse``."""
    # A record that is longer than what is read would be no record.
    fits = sum(len(word) + 1 for word in record.argv) <= MAX_ARGV_CHARACTERS
    return {
        "pid": record.pid,
        "kind": KIND,
        "argv": list(record.argv) if fits else [],
        "start_time": record.start_time,
        "boot_id": record.boot_id,
        "home": record.home,
        "since": record.since,
    }


def read_json(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The object in a JSON file; an empty one where something else stands; None where nothing does.

    A plain integer, the oldest format of a PID file, reads as ``{"pid": integer}``.
    """
    content = _read(path)
    if content is None:
        return None
    if len(content) > MAX_FILE_BYTES:
        return {}
    try:
        payload = json.loads(content)
    except (ValueError, RecursionError):
        # ValueError covers torn JSON, bytes that are not UTF-8 and integers of 5,000 digits.
        return {}
    if _integer(payload) is not None:
        return {"pid": payload}
    return payload if isinstance(payload, dict) else {}


def _read(path: str | os.PathLike[str]) -> bytes | None:
    try:
        fd = os.open(path, READ_FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno in NOT_A_FILE:
            return b""
        raise
    try:
        return os.read(fd, MAX_FILE_BYTES + 1)
    except (IsADirectoryError, BlockingIOError):
        return b""
    finally:
        os.close(fd)


def publish_json(path: str | os.PathLike[str], payload: Mapping[str, Any]) -> None:
    """Put a JSON object in the place of a file, in one step, readable by this user only."""
    content = json.dumps(payload).encode()
    temporary = os.fspath(path) + TEMPORARY_SUFFIX
    try:
        fd = os.open(temporary, CREATE_FLAGS, 0o600)
    except FileExistsError:
        # A writer was killed before its rename. It held the locks that are ours now, so it is gone.
        discard(temporary)
        fd = os.open(temporary, CREATE_FLAGS, 0o600)
    try:
        ownership.give(fd, os.path.dirname(temporary))
        while content:
            content = content[os.write(fd, content) :]
    finally:
        os.close(fd)
    try:
        os.replace(temporary, path)
    except IsADirectoryError:
        os.rmdir(path)
        os.replace(temporary, path)


def discard(path: str | os.PathLike[str]) -> None:
    """Remove what stands at a path, an empty directory too; nothing is as good as removed."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except (IsADirectoryError, PermissionError):  # Linux and macOS answer differently.
        with contextlib.suppress(NotADirectoryError):
            os.rmdir(path)
            return
        raise
