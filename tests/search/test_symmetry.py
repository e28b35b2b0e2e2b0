"""Symmetry: processes count as interchangeable only while they are, whatever a subject does with pids."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.run.examine import examine
from stateful.search.explorer import Explorer
from stateful.search.memory import Memory
from stateful.search.symmetry import Symmetry

# Ways of writing a pid, of which the search does not know that they name one.
IN_OTHER_WORDS = {
    "bytes": ("struct.pack('<I', {})", "struct.unpack('<I', {})[0]"),
    "zeros": ("b'%010d' % {}", "int({})"),
    "hexadecimal": ("b'%x' % {}", "int({}, 16)"),
}
PID_FILE = """
import os, struct

def gateway(home, serve):
    path = home / "a.pid"
    try:
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        try:
            os.kill({read}, 0)
        except (ProcessLookupError, ValueError, struct.error):
            path.unlink()
        return
    os.write(fd, {written})
    os.close(fd)
    serve()
"""
# In ``two-starts-own-pid`` it meets a record that names A.
TRUSTING = """
import os

def gateway(home, serve):
    path = home / "gateway.pid"
    pid = path.read_text().partition('"pid": ')[2].partition(",")[0]
    try:
        os.kill(int(pid), 0)
        if "gateway" in open(f"/proc/{pid}/cmdline").read():
            return
    except (OSError, ValueError):
        pass
    path.write_text(f'{{"pid": {os.getpid()}, }}')
    serve()
"""

LOWEST = """
import os

def gateway(home, serve):
    os.close(os.open(home / f"o.{os.getpid():08d}", os.O_CREAT | os.O_RDWR, 0o600))
    for name in sorted(os.listdir(home)):
        if os.path.exists(f"/proc/{int(name[2:])}/stat"):
            if int(name[2:]) == os.getpid():
                serve()
            return
"""


def same(search: Any, path: Path, name: str) -> dict[str, int]:
    """What is violated and in how many steps, which is the same with and without reductions."""
    some, full = (search(str(path), find_scenario(name), reduced=reduced) for reduced in (True, False))
    lengths = [{name: trace.length for name, trace in each.violations.items()} for each in (some, full)]
    assert lengths[0] == lengths[1]
    assert some.exhaustive
    assert full.exhaustive
    return lengths[0]


# That the search is whole without its symmetry is seen in any of them.
@pytest.mark.parametrize(
    "words",
    [name if not n else pytest.param(name, marks=pytest.mark.long) for n, name in enumerate(IN_OTHER_WORDS)],
)
def test_pid_in_other_words_changes_no_verdict(search: Any, tmp_path: Path, words: str) -> None:
    written, read = IN_OTHER_WORDS[words]
    path = tmp_path / "single.py"
    read = read.format("path.read_bytes()")
    path.write_text(PID_FILE.format(written=written.format("os.getpid()"), read=read))
    for name in ("exit-and-start-empty", "two-starts-empty-1-kill"):
        same(search, path, name)


def test_ways_that_lead_elsewhere_are_noticed_by_going_them_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nobody is seen to do what no exchange explains, and nothing is found that is not there."""
    monkeypatch.setattr(Symmetry, "_check", lambda *_: None)
    monkeypatch.setattr(Explorer, "_violated", lambda *_: None)
    path = tmp_path / "single.py"
    path.write_text(PID_FILE.format(written="b'%x' % os.getpid()", read="int(path.read_bytes(), 16)"))
    subject, scenario = find_subject(str(path)), find_scenario("two-starts-empty-1-kill")
    with closing(Memory(subject, scenario.disk)) as memory:
        explorer = Explorer(examine(subject), [scenario], memory)
        assert [result.exhaustive for result in explorer.run()] == [True]
        assert not explorer.symmetric


def test_disk_that_names_a_process_names_that_one(search: Any, tmp_path: Path) -> None:
    path = tmp_path / "single.py"
    path.write_text(TRUSTING)
    found = same(search, path, "two-starts-own-pid")
    # Two owners, but only if the process that the disk does not name has its first turn first.
    assert {"a_dead_owner_can_be_replaced", "at_most_one_owner"} <= found.keys()


@pytest.mark.parametrize("name", ["two-starts-empty", "two-starts-empty-1-power-loss"])
def test_later_process_may_have_the_first_turn(search: Any, tmp_path: Path, name: str) -> None:
    """Where pids are compared this is another schedule: the higher serves before the lower is there."""
    path = tmp_path / "lowest.py"
    path.write_text(LOWEST)
    assert "at_most_one_owner" in same(search, path, name)
