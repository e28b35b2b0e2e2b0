"""The ledger of starts: whether a supervisor starts this gateway again and again, and how long to wait.

One line per start, with its time in seconds since 1970, added by one write at the end of the file: so no
line is lost, whoever else writes, and nobody waits. On Windows two of them could still be one.

Not counted: lines that are no time, times in the future (the clock was set back), and times before the
window. A ledger that has become long is put aside as ``gateway-starts.log.old``; the few starts after that
are not told of a storm that had begun before.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import NamedTuple

from gateway_status import locks, ownership
from gateway_status.host import Host
from gateway_status.record import BINARY, CLOEXEC, CREATE_FLAGS, NOFOLLOW, NONBLOCK

LEDGER_FILE, PUT_ASIDE_SUFFIX = "gateway-starts.log", ".old"
LEDGER_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | CLOEXEC | NOFOLLOW | NONBLOCK | BINARY
LINE = b"\n%14.3f\n"  # A crash or a full disk may have cut the line before.
LINE_BYTES = 16
MAX_LEDGER_BYTES = 65_536
MAX_READ_BYTES = 16_384
FIRST_BACKOFF_S = 5.0
MAX_DOUBLINGS = 30


class StormInfo(NamedTuple):
    """How many starts there were within how long, this one included, and how long to wait now."""

    starts: int
    window_s: float
    backoff_s: float


def note_start(host: Host, max_starts: int, window_s: float, backoff_cap_s: float) -> StormInfo | None:
    """See ``status.record_start_and_check_storm``."""
    path = host.pid_path().with_name(LEDGER_FILE)
    try:
        ownership.make_for_user(os.fspath(path), CREATE_FLAGS)
        fd = os.open(path, LEDGER_FLAGS, 0o600)
        try:
            now = _now()
            os.write(fd, LINE % now)
            # Most ledgers are short, which is all that there is to know of them.
            os.lseek(fd, max_starts * LINE_BYTES, os.SEEK_SET)
            if not os.read(fd, 1):
                return None
            starts = sum(now - window_s <= start <= now for start in _times(_end(fd, path)))
        finally:
            os.close(fd)
    except OSError:
        return None
    if starts <= max_starts:
        return None
    doublings = min(starts - max_starts - 1, MAX_DOUBLINGS)
    return StormInfo(starts, window_s, min(FIRST_BACKOFF_S * 2**doublings, backoff_cap_s))


def _end(fd: int, path: Path) -> bytes:
    """The last lines of the ledger."""
    ledger = os.fstat(fd)
    if ledger.st_size >= MAX_LEDGER_BYTES:
        # Behind the guard, so that nobody puts the next ledger aside in the belief that it is this one.
        with locks.guard(os.fspath(path.parent), create=True, wait=False) as entered:
            if entered and os.stat(path).st_ino == ledger.st_ino:
                os.replace(path, os.fspath(path) + PUT_ASIDE_SUFFIX)
    os.lseek(fd, max(0, ledger.st_size - MAX_READ_BYTES), os.SEEK_SET)
    return os.read(fd, MAX_READ_BYTES)


def _now() -> float:
    return round(time.time(), 3)  # As the line is: this start does not lie in the future.


def _times(ledger: bytes) -> list[float]:
    times = []
    for line in ledger.split(b"\n"):
        try:
            times.append(float(line))
        except ValueError:
            continue
    return times
