"""Runs small subjects, mostly hostile ones, and detects every effect of them on the host."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

import stateful.kernel.temporary
from stateful.model.disk import HOME
from stateful.model.schedule import STEP, Move, ScheduleMismatch
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.python import guard
from stateful.run.execution import Execution

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stateful.model.lifecycle import Outcome
    from stateful.protocol.subject import Subject

# A shell and nohup make background processes ignore these signals, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

LIMIT_STEPS = 120
STUCK_AFTER_S = 0.1
MAIN = "subject.py"

# Prefixes of the audit events that must never happen for real while a subject runs.
FORBIDDEN = (
    "cpython.PyInterpreterState_New ctypes. mmap. os.exec os.fork os.kill os.killpg os.posix_spawn "
    "os.spawn os.system pty. resource.set signal.pthread_kill socket. sqlite3. subprocess. syslog."
).split()
# Audit events that may only happen in the temporary directory, with the indices of their path arguments.
CHANGES = {
    "os.chmod": (0,),
    "os.link": (1,),
    "os.mkdir": (0,),
    "os.remove": (0,),
    "os.rename": (0, 1),
    "os.rmdir": (0,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.utime": (0,),
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

_seen: list[str] | None = None
_folder = ""
_hooked = False


class EscapedError(BaseException):
    """The guard let an effect through; raised before the effect happens."""


def _see(event: str, args: tuple[Any, ...]) -> None:
    if _seen is None:
        return
    if event.startswith(tuple(FORBIDDEN)):
        _stop(event, args)
    elif event == "open" and args[2] & WRITING and not isinstance(args[0], int):
        _stop_outside(event, args, args[0])
    elif event in CHANGES and args[-1:] != (-1,) and isinstance(args[-1], int) and args[-1] > 2:
        return  # relative to a descriptor, as rmtree() works
    elif event in CHANGES:
        for number in CHANGES[event]:
            if not isinstance(args[number], int):
                _stop_outside(event, args, args[number])


def _stop_outside(event: str, args: tuple[Any, ...], path: Any) -> None:
    if not os.path.realpath(os.fsdecode(path)).startswith(_folder):
        _stop(event, args)


def _stop(event: str, args: tuple[Any, ...]) -> NoReturn:
    assert _seen is not None
    _seen.append(f"{event}{args}")
    raise EscapedError(event)


@contextmanager
def unwatched() -> Iterator[None]:
    """Suspend the detection while the test itself makes files."""
    global _seen
    seen, _seen = _seen, None
    try:
        yield
    finally:
        _seen = seen


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for the temporary directories of this test's kernels, and of no others."""
    with TemporaryDirectory(prefix="test-", dir=stateful.kernel.temporary.temporary_folder()) as folder:
        monkeypatch.setattr(stateful.kernel.temporary, "SHARED_MEMORY", os.path.realpath(folder))
        yield Path(os.path.realpath(folder))


@pytest.fixture
def escapes(folder: Path) -> Iterator[list[str]]:
    """The effects on the host outside of the kernel's temporary directories; any effect fails the test."""
    global _seen, _folder, _hooked
    if not _hooked:
        # Hooks run in the order in which they were added: this one sees only what the guard lets through.
        guard.begin()
        guard.end()
        sys.addaudithook(_see)
        _hooked = True
    _seen, _folder = [], str(folder)
    seen = _seen
    try:
        yield seen
    finally:
        _seen = None
    assert seen == []
    assert list(folder.iterdir()) == []


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of the host that a subject tries to change."""
    victim = tmp_path / "victim"
    victim.touch()
    return victim


@dataclass
class Seen:
    """The result of a run."""

    phase: str
    outcome: Outcome | None
    calls: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """``serves``, ``waits``, or how the process ended, as one line."""
        if self.outcome is None:
            return "serves" if self.phase == "owner" else "waits"
        value = self.outcome.value
        return self.outcome.kind if value is None else f"{self.outcome.kind}: {value}"


class Stage:
    """A folder of subjects, and how to run them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, body: str, top: str = "", name: str = MAIN) -> Subject:
        """A subject with these lines as its gateway; they may use ``home`` and ``serve``."""
        lines = textwrap.indent(textwrap.dedent(body).strip("\n"), "    ")
        where = self.folder / name
        with unwatched():
            where.parent.mkdir(parents=True, exist_ok=True)
            where.write_text(f"{textwrap.dedent(top)}\ndef gateway(home, serve):\n{lines}\n    serve()\n")
        return find_subject(str(where))

    def begin(self, subject: Subject, scenario: str = "one-start-empty") -> Execution:
        """An execution that checks no invariant."""
        return Execution(subject, find_scenario(scenario), judged=False)

    def run(self, body: str, top: str = "", name: str = MAIN) -> Seen:
        """Run one process until it serves, waits for ever or has ended."""
        return self.run_subject(self.write(body, top, name))

    def run_subject(self, subject: Subject) -> Seen:
        with guard.Watchdog(), self.begin(subject) as execution:
            return self.finish(execution, "A")

    def finish(self, execution: Execution, letter: str) -> Seen:
        """Continue a process until it serves, waits for ever or has ended."""
        move = Move(STEP, letter)
        calls: list[str] = []
        while len(calls) < LIMIT_STEPS and execution.possible(move):
            try:
                step = execution.make(move)
            except ScheduleMismatch:  # It waits before its first step.
                break
            calls.append(step.call.name if step.call else "")
        process = execution.processes()[letter]
        files = {
            path.removeprefix(f"{HOME}/"): file.content.decode(errors="replace")
            for path, file in execution.kernel.disk().by_path().items()
        }
        return Seen(process.phase, process.outcome, calls, files)


@pytest.fixture
def stage(tmp_path: Path, folder: Path) -> Stage:
    """A stage to write and run subjects."""
    return Stage(tmp_path / "subjects")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> float:
    """Has a subject that makes no call told so after these seconds: for one that never will make any.

    Others may not make any for as long where the machine is busy.
    """
    monkeypatch.setattr(guard, "STUCK_AFTER_S", STUCK_AFTER_S)
    return STUCK_AFTER_S
