"""The guard detects calls that bypass the interposed names, and coexists with other tools."""

from __future__ import annotations

import cProfile
import importlib
import os
import signal
import sys
import threading
import time
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

import pytest

from stateful.model.call import UnmodelledSyscall
from stateful.model.schedule import STEP, Move
from stateful.python import guard, holders, interpose, simulation
from stateful.python.interpreter import Interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Stage

needs_monitoring = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="sys.monitoring came with Python 3.12"
)
needs_profiler = pytest.mark.skipif(sys.version_info >= (3, 12), reason="the guard uses sys.monitoring here")


# -- references to the real ones ----------------------------------------------------------------------


def test_every_place_of_the_standard_library_is_interposed() -> None:
    """Whatever was loaded by now: nothing in it holds a real entry point while processes may run."""
    for name in ("glob", "multiprocessing.connection", "pty", "queue", "sched", "selectors", "subprocess"):
        importlib.import_module(name)
    simulation.begin()
    try:
        left = [
            (spot.owner, spot.name)
            for name, module in sys.modules.items()
            if isinstance(module, ModuleType) and holders.is_standard(name)
            for spot in holders.search(module, interpose._names)
            if getattr(spot.owner, spot.name) is spot.original
        ]
    finally:
        simulation.end()
    assert left == []


def test_reference_that_the_harness_holds_is_seen(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no name of its own in the standard library, so it can only be seen as it is called."""
    monkeypatch.setattr(pytest, "unlink_of_before", os.unlink, raising=False)
    monkeypatch.setattr(pytest, "stat_of_before", os.stat, raising=False)
    with pytest.raises(UnmodelledSyscall) as stopped:
        stage.run("import pytest\npytest.stat_of_before(home)")
    assert str(stopped.value) == (
        "the subject called os.stat() through a reference from before it was loaded (subject.py, line 4); "
        "call it by its module's name"
    )
    with pytest.raises(UnmodelledSyscall, match=r"os\.remove\('/home/user"):
        stage.run("import pytest\nlist(map(pytest.unlink_of_before, [str(home / 'a')]))")


# -- sharing the interpreter with debuggers and profilers ---------------------------------------------


@pytest.fixture
def tools() -> Iterator[list[int]]:
    """The numbers of the tools that the test has taken."""
    taken: list[int] = []
    yield taken
    for tool in taken:
        sys.monitoring.free_tool_id(tool)


@needs_monitoring
def test_guard_takes_a_tool_that_is_free(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tools: list[int]
) -> None:
    monkeypatch.setattr(pytest, "getpid_of_before", os.getpid, raising=False)
    subject = stage.write("import pytest\npytest.getpid_of_before()")
    for tool in (5, 4, 3, 2, 1, 0):
        with pytest.raises(UnmodelledSyscall, match=r"os\.getpid\(\) through a reference"):
            stage.run_subject(subject)
        if sys.monitoring.get_tool(tool) is None:
            sys.monitoring.use_tool_id(tool, f"tool {tool}")
            tools.append(tool)
    with pytest.raises(RuntimeError, match=r"all six tools .* are in use \(.*tool 3.*\).* stop a debugger"):
        stage.run("pass")
    sys.monitoring.free_tool_id(tools.pop())
    assert stage.run("pass").text == "serves"


@needs_profiler
def test_profiler_goes_on_afterwards(stage: Stage) -> None:
    events: list[str] = []

    def profile(frame: object, event: str, argument: object) -> None:
        events.append(event)

    sys.setprofile(profile)
    try:
        stage.run("import os\nos.stat(home)")
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(None)
    assert events


def test_cprofile_measures_the_harness(stage: Stage) -> None:
    profiler = cProfile.Profile()
    profiler.enable()
    try:
        stage.run("import os\nos.stat(home)")
    finally:
        profiler.disable()
    names = {entry.code.co_name for entry in profiler.getstats() if not isinstance(entry.code, str)}
    assert {"run_subject", "finish", "make", "perform"} <= names


# -- the watchdog -------------------------------------------------------------------------------------


def test_watchdog_leaves_others_their_alarm() -> None:
    rung: list[int] = []
    handler = signal.signal(signal.SIGALRM, lambda number, frame: rung.append(number))
    signal.setitimer(signal.ITIMER_REAL, 3_600)
    try:
        with guard.Watchdog():
            pass
        remaining, _ = signal.getitimer(signal.ITIMER_REAL)
        assert guard.STUCK_AFTER_S < remaining <= 3_600
        signal.raise_signal(signal.SIGALRM)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    assert rung == [signal.SIGALRM]


def test_watchdog_does_nothing_in_another_thread() -> None:
    thread = threading.Thread(target=lambda: guard.Watchdog().__enter__().__exit__())
    thread.start()
    thread.join()


def test_slow_harness_is_not_the_subjects_fault(stage: Stage, impatient: float) -> None:
    with guard.Watchdog(), stage.begin(stage.write("import os\nos.stat(home)\nos.stat(home)")) as execution:
        execution.make(Move(STEP, "A"))
        time.sleep(impatient * 4)
        execution.make(Move(STEP, "A"))
        assert execution.processes()["A"].phase == "owner"


@pytest.mark.usefixtures("impatient")
def test_stuck_process_is_not_waited_for_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing the run takes no further tick: the process is not asked to unwind."""
    subject = stage.write("while True:\n    try:\n        while True: pass\n    except BaseException: pass")
    abandoned = []
    abandon = Interpreter.abandon

    def watched(process: Interpreter) -> NoReturn:
        abandoned.append(process)
        abandon(process)

    monkeypatch.setattr(Interpreter, "abandon", watched)
    with guard.Watchdog(), stage.begin(subject) as execution, pytest.raises(UnmodelledSyscall):
        execution.make(Move(STEP, "A"))
    assert abandoned == []


def test_subjects_folder_is_read_only(stage: Stage, folder: Path) -> None:
    assert stage.run("assert 'assert' in open(__file__).read()").text == "serves"
    with pytest.raises(UnmodelledSyscall, match="for writing, which is outside its home directory"):
        stage.run("open(__file__, 'a')")
