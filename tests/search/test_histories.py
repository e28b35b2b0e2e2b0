"""The histories of processes that a search meets: the partial-order reduction loses none of them.

Sharper than ``test_answers.py``, which compares violated invariants: most lost histories break none.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from stateful.model.scenario import Scenario
from stateful.model.standard import find_scenario
from stateful.protocol.subject import JUST_STARTS
from stateful.search.explorer import Explorer
from stateful.search.memory import Memory
from stateful.search.search_state import State
from tests.search.answers import write

HIDDEN: Final = """os.close(fd); os.fsync(fd); os.fdatasync(log); open('/proc/self/status').read();
    os.close(dup); os.stat('/proc/self').st_mtime; os.readlink('/proc/self/exe'); os.fstat(proc).st_mtime;
    os.pread(proc, 9, 0); os.mkdir(tmp + '/a'); os.stat(tmp).st_mtime; os.stat(tmp).st_ino; os.listdir(tmp);
    os.rmdir(tmp + '/a'); os.open(tmp + '/b', os.O_CREAT); os.fstat(own).st_nlink; os.dup(own)""".split(";")
SILENT: Final = """time.monotonic(); time.time(); os.lseek(log, 0, 2); os.lseek(log, 0, 4);
    os.umask(7); signal.signal(15, h); signal.signal(15, signal.SIG_IGN)""".split(";")
SEEN: Final = """os.write(log, b'x'); os.ftruncate(log, 0); time.sleep(1); os.stat(home / 'log').st_size;
    os.mkdir(home / 'd'); os.rmdir(home / 'd'); fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB);
    os.kill(other, 15); os.kill(other, 2); os.path.exists('/proc/%d' % other); os.stat(home / 'x').st_ino;
    os.listdir('/tmp'); os.link(tmp + '/b', home / 'b'); os.stat(home / 'log').st_mtime""".split(";")
HEAD: Final = """
import os, time, signal, fcntl, tempfile
def h(*_): raise ValueError
def gateway(home, serve):
    seen, other = [], 203 - os.getpid()
    def do(call):
        try: seen.append(call())
        except (OSError, ValueError, KeyboardInterrupt) as error: seen.append(type(error))
    tmp = tempfile.mkdtemp()
    log = os.open(home / "log", os.O_CREAT | os.O_RDWR | os.O_APPEND)
    fd = own = os.open(home / "x", os.O_CREAT | os.O_RDWR)
    proc, dup = os.open("/proc/self/stat", 0), os.dup(log)
"""
PLANS: Final = ("", "", "", "-1-sigterm", "-1-sigint", "-1-clock-step", "-1-suspend")


def program(random: Random) -> str:
    """A program of which each of two processes does something else."""

    def perhaps(calls: list[str]) -> list[str]:
        return random.choices(calls, k=random.randint(0, 1))

    def lines(number: int) -> str:
        parts = ([random.choice(HIDDEN), *perhaps(SILENT), *perhaps(SEEN)] for _ in range(number))
        return "".join(f"        do(lambda: {call.strip()})\n" for part in parts for call in part)

    return f"{HEAD}    if other > 101:\n{lines(3)}    else:\n{lines(2)}    os.stat(home)\n    serve()\n"


def histories(memory: Memory, scenario: Scenario, **switches: bool) -> set[Any]:
    """What each process has been told, in every state."""
    met: set[Any] = set()

    def observe(state: State) -> None:
        met.update((each.letter, each.history, each.outcome) for each in map(memory.local, state.locals))

    dated = memory.calls.dated
    search = Explorer(JUST_STARTS, [scenario], memory, referee=True, memo=False, observe=observe, **switches)
    assert list(search.run())[-1].exhaustive
    if memory.calls.dated != dated:  # What was met before the search began again is void.
        return histories(memory, scenario, **switches)
    return met


@pytest.mark.parametrize("number", [7, *(pytest.param(each, marks=pytest.mark.long) for each in range(7))])
def test_reduction_loses_no_history(tmp_path: Path, number: int) -> None:
    random = Random(f"histories {number}")
    subject = write(program(random), tmp_path, f"histories_{number}")
    scenario = find_scenario(f"two-starts-empty{random.choice(PLANS)}")
    with closing(Memory(subject, scenario.disk)) as memory:
        assert histories(memory, scenario, reduced=False) <= histories(memory, scenario, symmetric=False)
