"""After a run, however it ended, the state of this interpreter is as it was before."""

from __future__ import annotations

import atexit
import builtins
import faulthandler
import fcntl
import gc
import importlib
import io
import os
import posix
import select
import signal
import sys
import threading
import time
import warnings
from itertools import count
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from stateful.model.call import UnmodelledSyscall
from stateful.model.schedule import STEP, Move
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.python import guard, interpose, simulation, switch
from stateful.run.execution import Execution

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Stage

WATCHED: tuple[ModuleType, ...] = (
    *(atexit, builtins, faulthandler, fcntl, gc, importlib, io, os, posix, select, signal, threading, time),
)


def look() -> dict[str, Any]:
    """Everything of this interpreter that a run could have changed and that somebody else may need."""
    seen: dict[str, Any] = {f"{module.__name__}.": dict(vars(module)) for module in WATCHED}
    for name in ("_io", "_signal", "_thread", "glob", "queue", "sched", "tokenize"):
        seen[f"{name}."] = dict(vars(importlib.import_module(name)))
    for name in (
        *("argv", "breakpointhook", "displayhook", "dont_write_bytecode", "excepthook", "flags", "meta_path"),
        *("path", "path_hooks", "setprofile", "settrace", "stderr", "stdin", "stdout", "unraisablehook"),
        "warnoptions",
    ):
        value = getattr(sys, name)
        seen[f"sys.{name}"] = value
        if isinstance(value, list):
            seen[f"items of sys.{name}"] = value[:]
    for number in signal.valid_signals():
        seen[f"signal {number}"] = signal.getsignal(number)
    seen |= {
        "profiler": sys.getprofile(),
        "tracer": sys.gettrace(),
        "timer": signal.getitimer(signal.ITIMER_REAL),
        "environment": dict(os.environ),
        "putenv": os.environ._data,  # type: ignore[attr-defined] # the dictionary behind it
        "folder": os.getcwd(),
        "filters": warnings.filters[:],
        "showwarning": warnings.showwarning,
        "collects": gc.isenabled(),
        "callbacks": gc.callbacks[:],
        "recursion": sys.getrecursionlimit(),
        "switching": sys.getswitchinterval(),
        "threads": threading.enumerate(),
        "Thread": dict(vars(threading.Thread)),
        "Event": dict(vars(threading.Event)),
        "tools": [sys.monitoring.get_tool(number) for number in range(6)]
        if sys.version_info >= (3, 12)
        else [],
    }
    return seen


MEDDLING = """
    import atexit, builtins, gc, importlib, logging, os, signal, sys, threading, time, warnings, weakref
    os.environ["STATEFUL_WAS_HERE"] = "1"
    os.environb[b"STATEFUL_WAS_HERE_TOO"] = b"1"
    os.putenv("STATEFUL_WAS_HERE", "1")
    os.umask(0)
    sys.path.insert(0, "/nowhere"); sys.path[:] = sys.path[:2]
    sys.path_hooks.clear(); sys.meta_path.append(None); sys.argv.append("a"); sys.argv = []
    sys.stdout = sys.stderr = sys.stdin = None
    sys.excepthook = sys.displayhook = sys.unraisablehook = sys.breakpointhook = threading.excepthook = print
    sys.setrecursionlimit(sys.getrecursionlimit() + 1); sys.setswitchinterval(0.1)
    sys.modules["os"] = sys.modules["stateful_leaked"] = sys.modules[__name__]; del sys.modules["json"]
    sys.warnoptions.append("error")
    warnings.simplefilter("error"); warnings.showwarning = print
    builtins.open = os.kill = time.time = threading.Thread.start = signal.signal = print
    gc.disable(); gc.callbacks.append(print)
    atexit.register(print); weakref.finalize(sys, print)
    logging.disable(); logging.getLogger().handlers.append(None)
    signal.alarm = importlib.import_module = print
"""


def ends_by_itself(stage: Stage) -> None:
    assert stage.run(MEDDLING).text == "serves"


def is_stopped(stage: Stage) -> None:
    with pytest.raises(UnmodelledSyscall):
        stage.run(MEDDLING + "    os.fork()")


def is_stuck(stage: Stage) -> None:
    with pytest.raises(UnmodelledSyscall):
        stage.run(MEDDLING + "    while True: pass")


def is_interrupted(stage: Stage) -> None:
    def play() -> None:
        with stage.begin(stage.write(MEDDLING + "    os.stat(home)")) as execution:
            execution.make(Move(STEP, "A"))
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        play()


def is_interrupted_inside(stage: Stage) -> None:
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        stage.run(MEDDLING + "    while True: pass")
    timer.join()


def is_interrupted_at_the_beginning(stage: Stage) -> None:
    real = interpose.enter

    def enter() -> None:
        signal.raise_signal(signal.SIGINT)
        real()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interpose, "enter", enter)
        with pytest.raises(KeyboardInterrupt):
            stage.run("pass")


def is_interrupted_at_the_end(stage: Stage) -> None:
    real = interpose.leave

    def leave() -> None:
        signal.raise_signal(signal.SIGINT)
        real()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interpose, "leave", leave)
        with pytest.raises(KeyboardInterrupt):
            stage.run(MEDDLING)


def fails(stage: Stage) -> None:
    assert stage.run(MEDDLING + "    1 / 0").text == "failed: ZeroDivisionError: division by zero"


def crashes(stage: Stage) -> None:
    with stage.begin(stage.write(MEDDLING + "    os.stat(home)")) as execution:
        execution.make(Move(STEP, "A"))
        execution.make(Move("crash", "A"))


@pytest.mark.parametrize(
    "run",
    (
        *(ends_by_itself, fails, crashes, is_stopped, is_stuck, is_interrupted, is_interrupted_inside),
        *(is_interrupted_at_the_beginning, is_interrupted_at_the_end),
    ),
)
def test_harness_is_as_it_was(
    stage: Stage, run: Callable[[Stage], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "STUCK_AFTER_S", 0.3 if run is is_stuck else 30.0)
    stage.run("import json, logging")  # what is imported for the first time stays loaded
    before, modules = look(), dict(sys.modules)
    run(stage)
    after = look()
    assert {name for name in before if before[name] != after[name]} == set()
    assert {name: module for name, module in sys.modules.items() if modules.get(name) is not module} == {}
    assert modules.keys() == sys.modules.keys()


def test_nested_simulations_end_with_the_outermost(stage: Stage) -> None:
    before = look()
    subject = stage.write("import os\nos.stat(home)")
    with stage.begin(subject) as outer:
        outer.make(Move(STEP, "A"))
        stage.run("pass")
        assert os.getpid is not before["os."]["getpid"]
        assert outer.processes()["A"].phase == "owner"
    assert look() == before


def test_what_somebody_else_had_replaced_is_theirs_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(pid: int, number: int) -> None:
        """A test's own."""

    monkeypatch.setattr(os, "kill", kill)
    monkeypatch.setattr(threading.Thread, "start", kill)
    monkeypatch.delattr(os, "listxattr", raising=False)
    assert "PermissionError" in stage.run("import os\nos.kill(1, 9)").text
    assert os.kill is kill
    assert vars(threading.Thread)["start"] is kill
    assert not hasattr(os, "listxattr")


def test_second_thread_cannot_simulate_at_the_same_time(stage: Stage) -> None:
    errors = []

    def begin() -> None:
        with pytest.raises(RuntimeError) as error:
            simulation.begin()
        errors.append(str(error.value))

    with stage.begin(stage.write("pass")):
        thread = threading.Thread(target=begin)
        thread.start()
        thread.join()
    assert errors[0].startswith("processes are being simulated in another thread; ")


def test_thread_of_the_harness_notices_nothing(stage: Stage) -> None:
    with stage.begin(stage.write("import os\nos.stat(home)")) as execution:
        execution.make(Move(STEP, "A"))
        pids: list[int] = []
        thread = threading.Thread(target=lambda: pids.append(os.getpid()))
        thread.start()
        thread.join()
    assert pids == [os.getpid()]


def test_module_loaded_during_a_run_keeps_no_interposed_name(stage: Stage) -> None:
    for name in ("sched", "imaplib", "telnetlib"):
        sys.modules.pop(name, None)
    with stage.begin(
        stage.write("import sched\nsched.scheduler(sched._time).enter(5, 1, print)")
    ) as execution:
        execution.make(Move(STEP, "A"))
        importlib.import_module("imaplib")
    sched, time_ = sys.modules["sched"], sys.modules["time"]
    assert sched._time is time_.monotonic
    assert sched.scheduler.__init__.__defaults__ == (time_.monotonic, time_.sleep)


@pytest.mark.parametrize("moment", ("_belongings", "_put"))
@pytest.mark.parametrize("at", (0, 1))
def test_signal_that_arrives_during_a_switch_is_handled_after_it(
    monkeypatch: pytest.MonkeyPatch, moment: str, at: int
) -> None:
    """Else the interpreter kept the process's ``sys.stderr``, and the traceback would be lost."""
    before = switch._belongings()
    step, times = getattr(switch, moment), count()

    def interrupted(*args: Any) -> Any:
        if next(times) == at:
            signal.raise_signal(signal.SIGINT)
        return step(*args)

    with Execution(find_subject("reference"), find_scenario("one-start-empty")) as execution:
        monkeypatch.setattr(switch, moment, interrupted)
        with pytest.raises(KeyboardInterrupt):
            execution.make(Move(STEP, "A"))
        monkeypatch.undo()
        assert switch._belongings() == before
