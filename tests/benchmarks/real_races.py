"""Races pairs of real processes, the alternative to a search: both start at once, try after try.

Each try forks a fresh pair from a parent that has imported everything and interposes nothing. Both
wait for one pipe to close, then run the subject's start on a stale record. An owner stays in ``serve``
until the outcome of the other process is known, so two owners are two at the same moment.

A race touches nothing outside of one temporary directory, and no process survives it: the parent kills and
reaps its pair however the try ends, and an alarm ends each process whatever happens to the others.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from stateful.protocol.subject import Subject, bind
from tests.benchmarks.real_starts import lay_out, python_beside

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

CONTENDERS: Final = 2
LONGEST_TRY_S: Final = 10
LONGEST_START_S: Final = 60
READY, OWNS, GAVE_UP = b".", b"o", b"g"


class RaceCount(NamedTuple):
    """How many tries there were, and in how many of them both processes became owner."""

    tries: int
    double_owners: int
    seconds: float


def race_pairs(subject: Subject, seconds: float) -> RaceCount:
    """Let pairs of real processes start on a stale record for some seconds."""
    with python_beside(_run_tries, subject, seconds) as link:
        if not link.poll(LONGEST_START_S + seconds):
            raise RuntimeError("the real processes did not end in time")
        return RaceCount(*link.recv())


def _run_tries(home: str, link: Connection, subject: Subject, seconds: float) -> None:
    """Inside the parent of the pairs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # The process that was interrupted sends SIGTERM.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit())
    signal.alarm(int(LONGEST_START_S + seconds))
    start = bind(importlib.import_module(subject.module), subject.function).gateway
    started = time.perf_counter()
    tries = double_owners = 0
    while time.perf_counter() - started < seconds:
        lay_out(home)
        tries += 1
        double_owners += _try(start) == OWNS * CONTENDERS
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # No pair is left to be ended.
    link.send(RaceCount(tries, double_owners, time.perf_counter() - started))


def _try(start: Callable[[Callable[[], None], bool], object]) -> bytes:
    """The outcome of each contender of one pair, in the order in which they became known."""
    gate, report, end = os.pipe(), os.pipe(), os.pipe()
    still_open = {*gate, *report, *end}
    children: list[int] = []
    try:
        for _ in range(CONTENDERS):
            child = os.fork()
            if child == 0:
                _contend(start, gate, report, end)
            children.append(child)
        _read(report[0], CONTENDERS)
        still_open.remove(gate[1])
        os.close(gate[1])  # Both wake up from this.
        return _read(report[0], CONTENDERS)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)
        for fd in still_open:
            os.close(fd)


def _contend(
    start: Callable[[Callable[[], None], bool], object],
    gate: tuple[int, int],
    report: tuple[int, int],
    end: tuple[int, int],
) -> NoReturn:
    """Run one contender. This never returns, and runs no exit handler."""

    def serve() -> None:
        os.write(report[1], OWNS)
        os.read(end[0], 1)
        os._exit(0)

    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.alarm(LONGEST_TRY_S)
        os.close(gate[1])
        os.close(end[1])
        os.write(report[1], READY)
        os.read(gate[0], 1)
        start(serve, False)
    finally:
        os.write(report[1], GAVE_UP)
        os._exit(0)


def _read(fd: int, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = os.read(fd, size - len(found))
        if not more:
            raise RuntimeError("a contender ended and reported nothing")
        found += more
    return found
