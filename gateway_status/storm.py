"""The ledger of starts: whether a supervisor starts this gateway again and again, and how long to wait.

One line per start, with its time in seconds since 1970. The ledger is its own lock, held for three calls,
and it is never renamed; so no line is lost, and a start pays five system calls.

Not counted: lines that are no time, times in the future (the clock was set back), and times before the
window. Not covered: a call from a signal handler in the middle of another one, which would wait for ever.
"""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from gateway_status import exclusive
from gateway_status.host import Host
from gateway_status.record import BINARY, CLOEXEC, NOFOLLOW, NONBLOCK

LEDGER_FILE = "gateway-starts.log"
LEDGER_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | CLOEXEC | NOFOLLOW | NONBLOCK | BINARY
MAX_LEDGER_BYTES = 16_384
KEPT_LEDGER_BYTES = MAX_LEDGER_BYTES // 2
FIRST_BACKOFF_S = 5.0
MAX_DOUBLINGS = 30


class StormInfo(NamedTuple):
    """How many starts there were within how long, this one included, and how long to wait now."""

    starts: int
    window_s: float
    backoff_s: float


def record_start(host: Host, max_starts: int, window_s: float, backoff_cap_s: float) -> StormInfo | None:
    """See ``status.record_start_and_check_storm``."""
    try:
        now, earlier = _record(os.fspath(host.pid_path().with_name(LEDGER_FILE)))
    except OSError:
        return None
    starts = 1 + sum(now - window_s <= start <= now for start in _times(earlier))
    if starts <= max_starts:
        return None
    doublings = min(starts - max_starts - 1, MAX_DOUBLINGS)
    return StormInfo(starts, window_s, min(FIRST_BACKOFF_S * 2**doublings, backoff_cap_s))


def _record(path: str) -> tuple[float, bytes]:
    """Add a line to the ledger; the time in it, and what stood there before."""
    fd = os.open(path, LEDGER_FLAGS, 0o600)
    try:
        exclusive.lock(fd, wait=True)
        # Asked behind the lock, and rounded as the line is: no start before ours lies in the future.
        now = round(time.time(), 3)
        os.lseek(fd, 0, os.SEEK_SET)  # Locking moves it on Windows.
        earlier = os.read(fd, MAX_LEDGER_BYTES)
        line = b"%.3f\n" % now
        if earlier and not earlier.endswith(b"\n"):
            line = b"\n" + line  # A crash or a full disk cut the line before.
        if len(earlier) == MAX_LEDGER_BYTES:
            os.ftruncate(fd, 0)
            line = earlier[-KEPT_LEDGER_BYTES:].partition(b"\n")[2] + line
        os.write(fd, line)
    finally:
        os.close(fd)
    return now, earlier


def _times(ledger: bytes) -> list[float]:
    times = []
    for line in ledger.split(b"\n"):
        try:
            times.append(float(line))
        except ValueError:
            continue
    return times
