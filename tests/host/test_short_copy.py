"""What is cut short ends at the same place of the text on the host, although pids are longer there."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from stateful.host import Host
from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.run.replay import replay

COPIES = {
    "shutil": """
import os, shutil

def gateway(home, serve):
    (home / "record").write_text(f'{{"pid": {os.getpid()}, "kind": "gateway", "again": {os.getpid()}}}')
    shutil.copyfile(home / "record", home / "gateway.pid")
    serve()
""",
    "position of the descriptor": """
import os

def gateway(home, serve):
    (home / "record").write_text(f'{{"pid": {os.getpid()}, "kind": "gateway", "again": {os.getpid()}}}')
    source = os.open(home / "record", os.O_RDONLY)
    target = os.open(home / "gateway.pid", os.O_RDWR | os.O_CREAT)
    while os.sendfile(target, source, None, 1000):
        pass
    serve()
""",
    "two positions": """
import os

def gateway(home, serve):
    (home / "record").write_text(f'{{"pid": {os.getpid()}, "kind": "gateway", "again": {os.getpid()}}}')
    source = os.open(home / "record", os.O_RDONLY)
    target = os.open(home / "gateway.pid", os.O_RDWR | os.O_CREAT)
    done = 0
    while count := os.copy_file_range(source, target, 1000, done, done):
        done += count
    serve()
""",
    "descriptor that stands for nothing": """
import os

def gateway(home, serve):
    target = os.open(home / "gateway.pid", os.O_RDWR | os.O_CREAT)
    try:
        os.sendfile(target, 50, None, 1000)
    except OSError:
        serve()
""",
}


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("shutil", "A14"),  # The second call is made at another position than in the simulation.
        ("shutil", "A10 short-A A4"),
        ("shutil", "A10 short-A short-A short-A A2"),
        ("position of the descriptor", "A5 short-A A2"),
        ("position of the descriptor", "A5 short-A short-A short-A A2"),
        ("two positions", "A7"),
        ("two positions", "A5 short-A A2"),
        ("two positions", "A5 short-A short-A short-A A2"),
        ("descriptor that stands for nothing", "A1 short-A"),
    ],
)
def test_copy_that_is_cut_short_is_confirmed(name: str, schedule: str, tmp_path: Path, host: Host) -> None:
    (tmp_path / "subject.py").write_text(COPIES[name])
    subject, scenario = find_subject(str(tmp_path / "subject.py")), find_scenario("any-empty")
    trace = replay(subject, scenario, parse_schedule(f"start-A {schedule}"))
    cut = [step for step in trace.steps if step.move.kind == "short"]
    made = "copy_file_range" if name == "two positions" else "sendfile"
    assert [step.call and step.call.name for step in cut] == [made] * len(cut)
    confirmation = host.confirm(subject, scenario, trace)
    assert confirmation.confirmed, str(confirmation)


WRITES_THE_BOOT = """
import os

def gateway(home, serve):
    fd = os.open("/proc/sys/kernel/random/boot_id", os.O_RDONLY)
    data = os.read(fd, 64)
    os.close(fd)
    record = os.open(home / "gateway.pid", os.O_RDWR | os.O_CREAT)
    while data:
        data = data[os.write(record, data):]
    serve()
"""


@pytest.mark.parametrize(
    "schedule", ["A4 short-A A1", "A4 short-A short-A A1", "A4 short-A reboot start-B B5"]
)
def test_write_that_cuts_the_id_of_the_boot_is_confirmed(schedule: str, tmp_path: Path, host: Host) -> None:
    (tmp_path / "subject.py").write_text(WRITES_THE_BOOT)
    subject, scenario = find_subject(str(tmp_path / "subject.py")), find_scenario("any-empty")
    trace = replay(subject, scenario, parse_schedule(f"start-A {schedule}"))
    confirmation = host.confirm(subject, scenario, trace)
    assert confirmation.confirmed, str(confirmation)


READS_A_PART = """
import os

def gateway(home, serve):
    (home / "gateway.pid").write_text(f"pid {os.getpid()} of {os.getpid()} and more")
    fd = os.open(home / "gateway.pid", os.O_RDONLY)
    os.read(fd, 12)
    serve()
"""


def test_read_of_a_part_that_is_another_here_is_not_played(tmp_path: Path, host: Host) -> None:
    (tmp_path / "subject.py").write_text(READS_A_PART)
    subject, scenario = find_subject(str(tmp_path / "subject.py")), find_scenario("any-empty")
    trace = replay(subject, scenario, parse_schedule("start-A A5"))
    confirmation = host.confirm(subject, scenario, trace)
    is_longer = "read takes 12 bytes of a content whose pids are longer here" in str(confirmation)
    assert is_longer or confirmation.confirmed, str(confirmation)
    # The pids of the play are between these two, unless pids have begun anew in the meantime.
    with psutil.Popen(["true"]) as later:
        before, after = os.getpid(), later.pid
    if before < after:
        assert is_longer or before < 1_000
        assert not is_longer or after >= 1_000
