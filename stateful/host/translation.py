"""What stands on the host for a number of the simulation: pids, start times, the boot, dates.

Every other number in a content is taken to differ, as times and random numbers do, and is not compared.
"""

from __future__ import annotations

import os
import re
import time
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from stateful.kernel.status import MICROSECOND
from stateful.model.machine import BOOT_ID

CLOCK_REALTIME_COARSE: Final = 5  # which ``time`` does not name
_NUMBER: Final = re.compile(rb"[0-9]+")
_DATE: Final = re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9.]+[+-][0-9]{2}:[0-9]{2}")
_PART: Final = re.compile(rb"[0-9]+|[^0-9]+")
_THIS_BOOT, _ANOTHER_BOOT = b"<this boot>", b"<another boot>"
_ANY_BOOT: Final = b"x" * 36  # as long as each of them


class Translation:
    """Maps numbers of the simulation to those of the host.

    Attributes:
        later: how much later it is on the host than in the simulation.
        boots: how often the simulated machine was started.
    """

    def __init__(self, later: timedelta) -> None:
        self.later = later
        self._numbers: dict[bytes, bytes] = {}
        self._boot_id = _boot_id()
        self.boots = 1

    def add(self, simulated: int, real: int) -> None:
        """Map a number to another one from now on."""
        self._numbers[b"%d" % simulated] = b"%d" % real

    def number(self, simulated: int) -> int:
        """The pid on the host, negative for a group; the same number if it is not known."""
        found = int(self._numbers.get(b"%d" % abs(simulated), b"%d" % abs(simulated)))
        return found if simulated >= 0 else -found

    def to_host(self, content: bytes) -> bytes:
        """A content of the simulation as it stands on the host."""
        text = _DATE.sub(self._date, self._mark(content))
        text = _NUMBER.sub(lambda number: self._numbers.get(number[0], number[0]), text)
        return text.replace(_THIS_BOOT, self._boot_id).replace(_ANOTHER_BOOT, self._another())

    def _date(self, date: re.Match[bytes]) -> bytes:
        try:
            return (datetime.fromisoformat(date[0].decode()) + self.later).isoformat().encode()
        except ValueError:  # It only looks like one.
            return date[0]

    def moment(self, simulated: int) -> int:
        """A time of a file in the simulation as it is on the host."""
        return simulated + self.later // timedelta(microseconds=1) * MICROSECOND

    def path(self, simulated: str) -> str:
        """A path of the simulation on the host, since a name may contain a pid."""
        return os.fsdecode(self.to_host(os.fsencode(simulated)))

    def cut(self, simulated: bytes, size: int, real: bytes) -> int:
        """Where to cut a content of the host so that it agrees with a simulated one that is cut at a size."""
        simulated = re.sub(BOOT_ID.encode() + rb"[0-9]", _ANY_BOOT, simulated)
        boots = b"|".join(map(re.escape, (self._boot_id, self._another())))
        ours, theirs = _PART.findall(simulated), _PART.findall(re.sub(boots, _ANY_BOOT, real))
        if len(ours) != len(theirs):
            return size * len(real) // len(simulated)
        taken = _PART.findall(simulated[:size])
        whole = b"".join(theirs[: len(taken) - 1])
        is_inside = taken[-1] != ours[len(taken) - 1]
        last = min(len(taken[-1]), len(theirs[len(taken) - 1]) - is_inside)
        return len(whole) + (max(last, 1) if is_inside else len(theirs[len(taken) - 1]))

    def agree(self, simulated: bytes | str, real: bytes | str) -> bool:
        """Whether two contents are the same except for numbers that differ between machines."""
        ours, theirs = _encoded(simulated), _encoded(real)
        if ours == theirs:
            return True
        ours = self._mark(ours)
        theirs = theirs.replace(self._boot_id, _THIS_BOOT).replace(self._another(), _ANOTHER_BOOT)
        ours, theirs = self._without_cut_ids(ours, theirs)
        if _NUMBER.split(ours) != _NUMBER.split(theirs):
            return False
        pairs = zip(_NUMBER.findall(ours), _NUMBER.findall(theirs), strict=True)
        return all(self._numbers.get(one, other) == other for one, other in pairs)

    def begins(self, simulated: bytes, real: bytes) -> bool:
        """Whether a content of the host is the beginning of a simulated one, as it stands on the host."""
        return _NUMBER.split(self.to_host(simulated)[: len(real)]) == _NUMBER.split(real)

    def _mark(self, simulated: bytes) -> bytes:
        this = f"{BOOT_ID}{self.boots + 1}".encode()
        return re.sub(BOOT_ID.encode() + rb"[0-9]", _ANOTHER_BOOT, simulated.replace(this, _THIS_BOOT))

    def _without_cut_ids(self, ours: bytes, theirs: bytes) -> tuple[bytes, bytes]:
        """Two contents without the part of this boot's id at an end of both, as a short write leaves it."""
        simulated, real = f"{BOOT_ID}{self.boots + 1}".encode(), self._boot_id
        sizes = range(len(simulated) - 1, 0, -1)
        for size in sizes:
            if ours.endswith(simulated[:size]) and theirs.endswith(real[:size]):
                ours, theirs = ours[:-size], theirs[:-size]
                break
        for size in sizes:
            if ours.startswith(simulated[-size:]) and theirs.startswith(real[-size:]):
                ours, theirs = ours[size:], theirs[size:]
                break
        return ours, theirs

    def _another(self) -> bytes:
        """A boot that is not this one."""
        return self._boot_id[:-1] + (b"0" if self._boot_id[-1:] != b"0" else b"1")


def _encoded(text: bytes | str) -> bytes:
    return text.encode(errors="surrogateescape") if isinstance(text, str) else text


@lru_cache
def _boot_id() -> bytes:
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            return file.read().strip()
    except OSError:
        return b"unknown"


def mentions(content: bytes, number: int) -> bool:
    """Whether a content contains a number."""
    return any(int(found) == number for found in _NUMBER.findall(content) if len(found) < 20)


def next_tick() -> int:
    """The next time with which the host stamps files: no file has it yet."""
    began = time.time_ns()
    while (tick := time.clock_gettime_ns(CLOCK_REALTIME_COARSE)) <= began:
        time.sleep(0.001)
    return tick
