"""A process that ends runs the destructors that CPython runs, with the same globals in place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from stateful.model.schedule import STEP, Move
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.run.execution import Execution
from stateful.run.running import can_step

SOURCE: Final = """
import atexit, os, signal, sys

WORDS = {{"a": "global", "b": "in a list", "c": "in an attribute", "d": "in a dict", "e": "local"}}
PATH = None

def note(word):
    fd = os.open(PATH, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    os.write(fd, f"{{word}}\\n".encode())
    os.close(fd)

class Noted:
    def __init__(self, key):
        self.key = key

    def __del__(self):
        note(WORDS[self.key])

class Holder:
    pass

class Raises:
    def __del__(self):
        raise ValueError("CPython only prints it")

class Ends:
    def __del__(self):
        sys.exit(7)

one, ends, many, raises = Noted("a"), Ends(), [Noted("b")], Raises()
holder, named = Holder(), {{"d": Noted("d")}}
holder.held = Noted("c")

def gateway(home, serve):
    global PATH
    PATH = str(home / "notes")
    local = Noted("e")
    atexit.register(note, "an exit handler")
    {ends}
"""
ENDS: Final = {
    "a return": "return",
    "an exit": "sys.exit(3)",
    "an error": "raise ValueError",
    "an end at once": "os._exit(0)",
}


def really(source: str, folder: Path) -> list[str]:
    """What a real process notes."""
    program = f"{source}\nfrom pathlib import Path\ngateway(Path({str(folder)!r}), None)\n"
    subprocess.run([sys.executable, "-"], input=program, text=True, capture_output=True, check=False)
    return noted((folder / "notes").read_bytes() if (folder / "notes").exists() else b"")


def noted(content: bytes) -> list[str]:
    return content.decode().splitlines()


@pytest.mark.parametrize("end", ENDS)
def test_process_runs_the_destructors_that_cpython_runs(end: str, tmp_path: Path) -> None:
    source = SOURCE.format(ends=ENDS[end])
    (tmp_path / "subject.py").write_text(source)
    real = really(source, tmp_path)
    subject = find_subject(str(tmp_path / "subject.py"))
    with Execution(subject, find_scenario("one-start-empty"), judged=False) as execution:
        execution.make(Move(STEP, "A"))
        process = execution.processes()["A"]
        while can_step(process):
            execution.make(Move(STEP, "A"))
        files = execution.kernel.disk().by_path()
        notes = next((file.content for path, file in files.items() if path.endswith("/notes")), b"")
        assert process.outcome is not None
        status = process.outcome.status
    simulated = noted(notes)
    assert sorted(simulated) == sorted(real)
    assert simulated[:2] == real[:2]  # the local one and the exit handler, in this order or the other
    assert len(real) == (0 if end == "an end at once" else 6)
    assert status == {"a return": 1, "an exit": 3, "an error": 1, "an end at once": 0}[end]


def test_killed_process_runs_none(tmp_path: Path) -> None:
    (tmp_path / "subject.py").write_text(SOURCE.format(ends="serve()"))
    subject = find_subject(str(tmp_path / "subject.py"))
    with Execution(subject, find_scenario("one-start-empty"), judged=False) as execution:
        execution.make(Move("start", "B"))
        execution.make(Move("crash", "B"))
        assert not [path for path in execution.kernel.disk().by_path() if path.endswith("/notes")]
