"""However a play ends, no real process and no directory is left over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from stateful.host import CONFIRMED, DIFFERS, UNPLAYABLE, Host
from stateful.host.play import HostPlay
from stateful.kernel.temporary import temporary_folder
from stateful.model.call import Errno
from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario
from stateful.model.trace import Trace
from stateful.protocol.subject import find_subject
from stateful.run.replay import replay

RACE: Final = (find_subject("direct-unlink"), find_scenario("two-starts-empty"))
SCHEDULE: Final = "A1 B8 A7"
PATIENCE_S: Final = 20.0

# Hangs in the middle of a play: one process is stopped, one runs, and there is a zombie.
HANGS: Final = """
import time
from stateful.run.replay import replay
from stateful.host import Host, play
from stateful.model.standard import find_scenario
from stateful.model.schedule import parse_schedule
from stateful.protocol.subject import find_subject

def hang(self):
    print("in the middle", flush=True)
    time.sleep(60)

play.HostPlay._compare_disks = hang
subject, scenario = find_subject("direct-unlink"), find_scenario("two-starts-zombie")
with Host() as host:
    host.confirm(subject, scenario, replay(subject, scenario, parse_schedule("A3 sigstop-A B3")))
"""


def family(pid: int) -> set[tuple[int, str]]:
    """A process and all that descend from it: pids and start times."""
    table = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            table[int(entry.name)] = int(fields[1]), fields[19]
    found = {pid}
    while more := {child for child, (parent, _) in table.items() if parent in found} - found:
        found |= more
    return {(each, table[each][1]) for each in found if each in table}


def living(processes: set[tuple[int, str]]) -> set[tuple[int, str]]:
    """Those of some processes that have not ended."""
    return {each for each in processes if each in family(each[0]) and not _is_zombie(each[0])}


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def soon_gone(processes: set[tuple[int, str]]) -> bool:
    """Whether all of some processes have ended, or do so in time."""
    until = time.monotonic() + PATIENCE_S
    while living(processes) and time.monotonic() < until:
        time.sleep(0.02)
    return not living(processes)


def folders(pid: int) -> list[str]:
    """The directories of the hosts of a process."""
    base = Path(temporary_folder() or "/tmp")
    return [entry.name for entry in base.iterdir() if entry.name.startswith(f"stateful-{pid}-host-")]


@pytest.fixture
def others() -> set[str]:
    """The directories of hosts that this process has already."""
    return set(folders(os.getpid()))


def race() -> Trace:
    return replay(*RACE, parse_schedule(SCHEDULE))


def untrue() -> Trace:
    trace = race()
    trace.steps[9] = trace.steps[9]._replace(answer=Errno(2))
    return trace


def processes_of(host: Host) -> set[tuple[int, str]]:
    """The fork servers of a host, and their children."""
    return set().union(*(family(client.pid) for client in host._fork_clients.values()))


@pytest.mark.parametrize(("trace", "verdict"), [(race, CONFIRMED), (untrue, DIFFERS)])
def test_nothing_is_left(trace: Callable[[], Trace], verdict: str, others: set[str]) -> None:
    with Host() as host:
        assert host.confirm(*RACE, trace()).verdict == verdict
        (root,) = set(folders(os.getpid())) - others
        assert list(Path(temporary_folder() or "/tmp", root).iterdir()) == []
        processes = processes_of(host)
        assert processes
    assert living(processes) == set()
    assert set(folders(os.getpid())) == others


@pytest.mark.parametrize("error", (KeyboardInterrupt, ZeroDivisionError))
def test_nothing_is_left_after_an_exception(
    error: type[BaseException], others: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[tuple[int, str]] = set()
    with Host() as host:

        def interrupt(play: HostPlay) -> None:
            seen.update(processes_of(host))
            raise error

        monkeypatch.setattr(HostPlay, "_compare_disks", interrupt)
        with pytest.raises(error):
            host.confirm(*RACE, race())
        assert len(seen) == 3  # the fork server, A and B
        assert living(seen) == set()
        assert set(folders(os.getpid())) == others
        monkeypatch.undo()
        assert host.confirm(*RACE, race()).verdict == CONFIRMED


def test_fork_server_that_is_killed_takes_its_children_along(
    others: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[tuple[int, str]] = set()
    with Host() as host:

        def kill(play: HostPlay) -> None:
            seen.update(processes_of(host))
            for client in host._fork_clients.values():
                os.kill(client.pid, signal.SIGKILL)

        monkeypatch.setattr(HostPlay, "_compare_disks", kill)
        found = host.confirm(*RACE, race())
        assert found.verdict in (CONFIRMED, UNPLAYABLE)  # The kill may come when all is done.
        monkeypatch.undo()
        assert len(seen) == 3
        assert soon_gone(seen)
        host.close()
        assert host.confirm(*RACE, race()).verdict == CONFIRMED
    assert set(folders(os.getpid())) == others


@pytest.mark.parametrize("number", (signal.SIGKILL, signal.SIGINT))
def test_nothing_is_left_of_a_harness_that_is_killed(number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HANGS], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as harness:
        assert harness.stdout is not None
        try:
            assert harness.stdout.readline() == "in the middle\n"
            processes = family(harness.pid)
            assert len(processes) >= 4  # the harness, a fork server, A and B
            assert folders(harness.pid)
        finally:
            harness.send_signal(number)
    assert soon_gone(processes)
    until = time.monotonic() + PATIENCE_S
    while folders(harness.pid) and time.monotonic() < until:
        time.sleep(0.02)
    assert folders(harness.pid) == []
