"""Nothing of a run outlasts it: a crash runs no code, and no kind of end leaves anything behind."""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stateful.kernel import real
from stateful.model.schedule import STEP, Move
from stateful.python import guard

if TYPE_CHECKING:
    from conftest import Stage

LIMIT_S = 60.0

assert ctypes  # It loads a library of its own when it is imported, and each of the rows would be blamed.

# -- a crash runs nothing ---------------------------------------------------------------------------

TIDY = """
    import atexit, os, weakref
    class Tidy:
        def __init__(self, name): self.name = name
        def __del__(self): put(self.name)
    def put(name):
        with open(home / name, "w") as file: file.write("a")
    def generate(name):
        try: yield
        finally: put(name)
    def swallow():
        try: os.stat(home)
        finally: put("swallowed")
    atexit.register(put, "exit-handler")
    held = Tidy("destructor")
    cycle = Tidy("destructor-in-a-cycle"); cycle.cycle = cycle; del cycle
    generator = generate("generator"); next(generator)
    ring = [generate("generator-in-a-cycle")]; next(ring[0]); ring.append(ring); del ring
    finalized = Tidy("finalized-object"); weakref.finalize(finalized, put, "finalizer")
    unflushed = open(home / "unflushed", "w"); unflushed.write("a" * 100)
    with open(home / "context", "w") as context:
        context.write("a")
        try:
            os.stat(home)
            swallow()
            os.stat(home)
        except BaseException:
            put("except")
            raise
        finally:
            put("finally")
"""


def contents(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("steps", range(1, 9))
def test_crash_runs_nothing(
    stage: Stage, escapes: list[str], monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    left: list[dict[str, str]] = []

    def look_first(root: str, ignore_errors: bool) -> None:
        gc.collect()
        left.append(contents(Path(root)))
        shutil.rmtree(root)

    monkeypatch.setattr(real, "rmtree", look_first)
    with stage.begin(stage.write(TIDY)) as execution:
        for _ in range(steps):
            execution.make(Move(STEP, "A"))
        assert execution.processes()["A"].alive
        execution.make(Move("crash", "A"))
        before = contents(Path(execution.kernel.root))
    assert left == [before]
    assert set(before) <= {
        "home/user/.hermes/unflushed",
        "home/user/.hermes/context",
        "home/user/.hermes/swallowed",
    }
    assert "a" not in "".join(text for name, text in before.items() if not name.endswith("swallowed"))
    assert escapes == []


def test_garbage_of_a_process_reaches_nothing(stage: Stage, victim: Path, escapes: list[str]) -> None:
    """Names such as ``os.unlink`` are the host's again when a late destructor runs."""
    top = f"""
        import os, weakref
        class Cycle:
            def __init__(self): self.cycle = self
            def __del__(self): os.unlink({str(victim)!r})
        def generate(ring):
            try: yield ring
            finally: os.unlink({str(victim)!r})
        Cycle()
        ring = []
        ring.append(generate(ring)); next(ring[0])
        kept = Cycle()
        weakref.finalize(kept, os.unlink, {str(victim)!r})
    """
    assert stage.run("Cycle()", top).text == "serves"
    gc.collect()
    assert escapes == []
    assert victim.exists()


# -- nothing is left behind -------------------------------------------------------------------------

EXPLORE = """
    import os, sys
    import stateful.kernel.temporary as temporary
    from stateful.run.execution import Execution
    from stateful.python.guard import Watchdog
    from stateful.model.standard import find_scenario
    from stateful.model.schedule import STEP, Move
    from stateful.protocol.subject import find_subject

    temporary.SHARED_MEMORY = sys.argv[1]
    subject = find_subject(sys.argv[2])

    def run():
        with Watchdog(), Execution(subject, find_scenario("one-start-empty"), judged=False) as execution:
            while execution.possible(Move(STEP, "A")):
                execution.make(Move(STEP, "A"))
            process = execution.processes()["A"]
            assert process.phase == "owner", process.outcome
"""


def child(folder: Path, subject: str, then: str, **options: object) -> subprocess.Popen[str]:
    """An interpreter that runs ``then`` after the definition of ``run``."""
    code = textwrap.dedent(EXPLORE) + textwrap.dedent(then)
    command = [*options.pop("prefix", []), sys.executable, "-c", code, str(folder), subject]  # type: ignore[misc]
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    environ |= {"PYTHONPATH": str(Path(__file__).parents[2]), **options.pop("environ", {})}  # type: ignore[dict-item]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_destructor_that_never_ends_is_left(stage: Stage, folder: Path) -> None:
    """In a child: CPython, whose collector it was that ran it, never collects again."""
    top = """
        class Loop:
            def __init__(self): self.cycle = self
            def __del__(self):
                while True:
                    try:
                        while True: pass
                    except BaseException: pass
        loop = Loop()
    """
    stage.write("import os\nos.stat(home)", top)
    then = """
        import stateful.python.guard
        stateful.python.guard.STUCK_AFTER_S = 0.1
        run()
        run()
        print("goes on")
    """
    with child(folder, f"{stage.folder}/subject.py", then) as process:
        assert process.communicate(timeout=LIMIT_S) == ("goes on\n", "")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("seconds", (0.0, 0.013, 0.029))
@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM))
def test_interrupted_child_leaves_nothing(folder: Path, number: signal.Signals, seconds: float) -> None:
    """SIGTERM needs a handler that raises, as the command line has one: without, nothing can be done."""
    then = """
        import signal
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        run()
        print("ready", flush=True)
        while True:
            run()
    """
    with child(folder, "direct-unlink", then) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(seconds)
        process.send_signal(number)
        _, errors = process.communicate(timeout=LIMIT_S)
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert list(folder.iterdir()) == []


def test_child_that_closes_nothing_leaves_nothing(stage: Stage, folder: Path) -> None:
    """Parked processes, one of which swallows everything, are no reason not to end either."""
    subject = stage.write(
        TIDY + "    while True:\n        try: os.stat(home)\n        except BaseException: pass"
    )
    then = """
        execution = Execution(subject, find_scenario("one-start-empty"))
        for _ in range(3):
            execution.make(Move(STEP, "A"))
        assert os.listdir(sys.argv[1])
    """
    with child(folder, f"{stage.folder}/subject.py", then) as process:
        assert process.communicate(timeout=LIMIT_S) == ("", "")
    assert subject.folder == str(stage.folder)
    assert list(folder.iterdir()) == []


def test_stuck_process_does_not_keep_the_interpreter_from_ending(stage: Stage, folder: Path) -> None:
    stage.write("while True:\n    try:\n        while True: pass\n    except BaseException: pass")
    then = """
        import stateful.python.guard
        stateful.python.guard.STUCK_AFTER_S = 0.1
        run()
    """
    with child(folder, f"{stage.folder}/subject.py", then) as process:
        _, errors = process.communicate(timeout=LIMIT_S)
    said = "the subject ran for 0.1 s without making a call (subject.py, line 5); let it call time.sleep()"
    assert f"SubjectStuck: {said}" in errors
    assert list(folder.iterdir()) == []


def test_forked_child_of_the_harness_removes_nothing(stage: Stage, folder: Path) -> None:
    then = """
        with Execution(subject, find_scenario("one-start-empty")) as execution:
            execution.make(Move(STEP, "A"))
            if os.fork() == 0:
                sys.exit()
            os.wait()
            assert os.listdir(sys.argv[1])
    """
    with child(folder, "direct-unlink", then) as process:
        assert process.communicate(timeout=LIMIT_S) == ("", "")
    assert list(folder.iterdir()) == []


def test_ordinary_user_leaves_nothing(stage: Stage, folder: Path) -> None:
    """Root may enter a folder whose permission bits say no; everybody else has to change them first."""
    prefix: list[str] = []
    if os.getuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root cannot drop its capabilities here: there is no setpriv")
        prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    stage.write("import os\nos.makedirs(home / 'a' / 'b')\nos.chmod(home / 'a', 0)")
    with child(folder, f"{stage.folder}/subject.py", "run()", prefix=prefix) as process:
        assert process.communicate(timeout=LIMIT_S) == ("", "")
    assert list(folder.iterdir()) == []


def test_run_writes_no_byte_code_and_raises_no_warning(stage: Stage, folder: Path) -> None:
    stage.write(
        "import os, neighbour, warnings\nos.stat(home)\n"
        "warnings.warn('a')\nwarnings.warn('b', DeprecationWarning)"
    )
    (stage.folder / "neighbour.py").write_text("a = '\\d'\n")
    environ = {"PYTHONWARNINGS": "error"}
    with child(folder, f"{stage.folder}/subject.py", "run()", environ=environ) as process:
        assert process.communicate(timeout=LIMIT_S) == ("", "")
    assert sorted(path.name for path in stage.folder.iterdir()) == ["neighbour.py", "subject.py"]


def test_memory_and_descriptors_stay_the_same(stage: Stage, folder: Path) -> None:
    subject = stage.write(TIDY)

    def play(times: int) -> tuple[int, int]:
        for _ in range(times):
            with stage.begin(subject, "two-starts-stale") as execution:
                for letter in "ABABB":
                    execution.make(Move(STEP, letter))
                execution.make(Move("crash", "A"))
        gc.collect()
        return len(os.listdir("/proc/self/fd")), len(gc.get_objects())

    if not Path("/proc/self/fd").exists():
        pytest.skip("descriptors cannot be counted without /proc")
    play(20)
    descriptors, objects = play(1)
    after = play(200)
    assert after[0] == descriptors
    assert after[1] < objects + 200  # one for each would be a leak
    assert list(folder.iterdir()) == []


# -- an interrupt belongs to the harness ------------------------------------------------------------


def test_interrupt_between_steps_ends_the_run(stage: Stage, folder: Path) -> None:
    subject = stage.write(TIDY)

    def play() -> None:
        with stage.begin(subject) as execution:
            execution.make(Move(STEP, "A"))
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        play()
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "body",
    ("while True: pass", "while True:\n    try:\n        while True: pass\n    except BaseException: pass"),
    ids=("loop", "swallows"),
)
def test_interrupt_inside_a_process_is_not_the_subjects(
    stage: Stage, folder: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr(guard, "STUCK_AFTER_S", 20.0)
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        stage.run(body)
    timer.join()
    assert list(folder.iterdir()) == []


def test_handler_of_the_harness_runs_in_the_harness(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that returns lets the process go on, and what it does is no call of the process."""
    monkeypatch.setattr(guard, "STUCK_AFTER_S", 20.0)
    pids = []
    before = signal.signal(signal.SIGHUP, lambda number, frame: pids.append(os.getpid()))
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGHUP))
    timer.start()
    try:
        seen = stage.run("for n in range(500_000):\n    str(n)")
    finally:
        timer.join()
        signal.signal(signal.SIGHUP, before)
    assert seen.text == "serves"
    assert seen.calls == ["serve"]
    assert pids == [os.getpid()]
