"""The contract of the kernel: a script of calls gives the same on the host and on the kernel.

Each script under ``scripts/`` is run twice: by real processes in a real home directory, and by
simulated ones. After every line both report the result, and the two texts must be equal. To add
a contract, add lines to a script::

    a second descriptor waits until the first is closed
        A: fd = os.open('lock', os.O_CREAT | os.O_RDWR)
        B: fd = os.open('lock', os.O_RDWR)
        A: fcntl.flock(fd, fcntl.LOCK_EX)
        B: fcntl.flock(fd, fcntl.LOCK_EX)
        A: os.close(fd)
        B goes on

``A:`` runs Python in A, with ``pid`` (of each letter) and the names of ``actor.names`` defined.
The result of a line is a value, an error's type and errno, *waits*, or an exit status as a
shell shows it. ``B goes on`` gives the later result of a line that waited, or of a signal.
``kill -TERM A`` and ``kill -KILL A`` are signals from outside.

Not compared: inode numbers, times, random bytes and pids themselves (scripts compare them with
each other); the sizes and link counts of directories; the texts of errors; the order in which a
directory is listed, which the kernel sorts.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import pytest
from greenlet import getcurrent

from stateful.kernel.files import IMPLEMENTATIONS
from stateful.kernel.kernel import Kernel
from stateful.kernel.restore import restore
from stateful.kernel.state import SharedState
from stateful.kernel.temporary import temporary_folder
from stateful.model.call import BLOCKED, Call
from stateful.model.images import DiskImage
from stateful.model.machine import Machine
from stateful.model.scenario import Cast, Scenario
from stateful.model.schedule import LETTERS, STEP, Move, ScheduleMismatch
from stateful.model.syscalls import SYSCALLS, Syscall
from stateful.protocol.subject import Subject
from stateful.python.file_calls import FCNTL_CALLS, FILE_CALLS
from stateful.python.folder_calls import FOLDER_CALLS
from stateful.python.path_calls import PATH_CALLS
from stateful.python.process_calls import ATEXIT_CALLS, OS_CALLS, SELECT_CALLS, SIGNAL_CALLS, TIME_CALLS
from stateful.run.execution import Execution
from stateful.run.running import new_process
from tests.shortened import sampled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stateful.kernel.process import Process
    from stateful.model.lifecycle import Outcome

HERE: Final = Path(__file__).parent
WAITS: Final = "waits"
ENDED: Final = "exit status "
HAS_ENDED: Final = "has ended"
MISTAKES: Final = ("NameError", "SyntaxError", "AttributeError", "KeyError", HAS_ENDED)
NOBODY: Final = 65534
PROTECTED: Final = tuple(Path(f"/proc/sys/fs/protected_{what}") for what in ("symlinks", "regular"))
PATIENCE_S: Final = 20.0
LONG_ENOUGH_TO_TELL_THAT_IT_WAITS_S: Final = 0.03

ENTRY_POINTS_WITHOUT_CONTRACT: Final = {
    "os.getlogin": "the host may have no terminal to log in at",
}
WITHOUT_CONTRACT: Final = {"serve": "the harness's own: being the gateway"}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel models Linux")


class Line(NamedTuple):
    """One line of a script: who, what (``run``, ``go on`` or a signal's name), and the code."""

    letter: str
    verb: str
    code: str
    text: str


class Script(NamedTuple):
    """A contract: its name and its lines."""

    name: str
    lines: tuple[Line, ...]

    @property
    def machine(self) -> Machine:
        """Where the kernel plays it: nobody reaps the zombies, and A is root among users."""
        is_of_users = self.name.startswith("users:")
        return Machine(reaps=not self.name.startswith("zombies:"), foreign="A" if is_of_users else "")

    @property
    def letters(self) -> tuple[str, ...]:
        last = max(line.letter for line in self.lines)
        return tuple(LETTERS[: LETTERS.index(last) + 1])


_RUN = re.compile(r"    ([A-Z]): (.*)")
_GO_ON = re.compile(r"    ([A-Z]) goes on")
_KILL = re.compile(r"    kill -(KILL|TERM) ([A-Z])")
_CONTINUED = " " * 7


def read_scripts(file: Path) -> Iterator[Script]:
    """The scripts in a file: titles at the margin, lines below, more code of a line below it."""
    title = ""
    lines: list[Line] = []
    for text in [*file.read_text().splitlines(), "end"]:
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        if text[0] != " ":
            if title:
                yield Script(f"{file.stem}: {title}", tuple(lines))
            title, lines = text, []
        elif text.startswith(_CONTINUED):
            line = lines.pop()
            lines.append(line._replace(code=f"{line.code}\n{text.removeprefix(_CONTINUED)}"))
        elif run := _RUN.fullmatch(text):
            lines.append(Line(run[1], "run", run[2], text.strip()))
        elif goes_on := _GO_ON.fullmatch(text):
            lines.append(Line(goes_on[1], "go on", "", text.strip()))
        elif kill := _KILL.fullmatch(text):
            lines.append(Line(kill[2], kill[1], "", text.strip()))
        else:
            raise ValueError(f"{file.name}: not a line of a script: {text!r}")


SCRIPTS: Final = tuple(script for file in sorted(HERE.glob("scripts/*.txt")) for script in read_scripts(file))
EACH_SCRIPT = pytest.mark.parametrize("script", SCRIPTS, ids=[script.name for script in SCRIPTS])
# Of a thousand calls, where the whole state is looked at before and after each.
MANY_CALLS: Final = "descriptors: there is a limit to open files"
EACH_STATE = pytest.mark.parametrize(
    "script",
    sampled(
        pytest.param(script, id=script.name, marks=[pytest.mark.long] if script.name == MANY_CALLS else [])
        for script in SCRIPTS
    ),
)


# -- on the host ----------------------------------------------------------------------------------


class Actor(NamedTuple):
    """A real process and the socket to it."""

    pid: int
    stage: socket.socket


class Host:
    """Plays scripts with real processes, each forked from one that has everything imported."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._homes = 0
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._fork_server = subprocess.Popen(
                [sys.executable, str(HERE / "actor.py")],
                stdin=theirs.fileno(),
                stderr=subprocess.DEVNULL,  # where exit handlers that fail say so
            )
        self._control.settimeout(PATIENCE_S)

    def close(self) -> None:
        self._control.close()
        self._fork_server.wait()

    def play(self, script: Script, expected: list[str]) -> list[str]:
        """What comes of each line. What is expected decides only for how long to wait."""
        self._homes += 1
        home = f"{self._folder}/{self._homes}/home"
        roots = script.machine.foreign
        actors = {
            letter: self._fork(home, "root" if letter in roots else "user") for letter in script.letters
        }
        pids = f"pid = { ({letter: actor.pid for letter, actor in actors.items()}) }"
        try:
            for letter in actors:
                actors[letter].stage.send(pids.encode())
                assert self._answer(actors, letter, "done") == "done"
            return [
                self._make(actors, line, prediction)
                for line, prediction in zip(script.lines, expected, strict=True)
            ]
        finally:
            for actor in actors.values():
                os.kill(actor.pid, signal.SIGKILL)
                self._reap(actor)

    def _make(self, actors: dict[str, Actor], line: Line, prediction: str) -> str:
        if line.letter not in actors:
            return HAS_ENDED
        if line.verb in ("KILL", "TERM"):
            os.kill(actors[line.letter].pid, signal.Signals[f"SIG{line.verb}"])
            return "done"
        if line.verb == "run":
            actors[line.letter].stage.send(line.code.encode())
        return self._answer(actors, line.letter, prediction)

    def _answer(self, actors: dict[str, Actor], letter: str, prediction: str) -> str:
        actor = actors[letter]
        waits = prediction == WAITS
        actor.stage.settimeout(LONG_ENOUGH_TO_TELL_THAT_IT_WAITS_S if waits else PATIENCE_S)
        try:
            answer = actor.stage.recv(65536).decode()
        except TimeoutError:
            return WAITS
        except ConnectionResetError:
            answer = ""
        return answer or f"{ENDED}{self._reap(actors.pop(letter))}"

    def _fork(self, home: str, user: str) -> Actor:
        stage, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._control.send(f"fork {home} {user}".encode())
            socket.send_fds(self._control, [b"."], [theirs.fileno()])
            return Actor(int(self._control.recv(64)), stage)

    def _reap(self, actor: Actor) -> str:
        actor.stage.close()
        self._control.send(f"reap {actor.pid}".encode())
        return self._control.recv(64).decode()


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with tempfile.TemporaryDirectory(dir=temporary_folder()) as folder:
        if os.getuid() == 0:  # The actors drop root's privileges, or permission bits would be void.
            os.chown(folder, NOBODY, NOBODY)
        with contextlib.closing(Host(folder)) as host:
            yield host


# -- on the kernel --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Player(Subject):
    """The subject of these tests: it runs the lines that it is handed, until it ends."""

    lines: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)

    def run(self, life: str) -> Outcome:
        process = cast("Process", getcurrent())
        actor = importlib.import_module(self.module)
        known = actor.names()
        while True:
            self.answers[process.letter] = actor.act(process.call("next_line"), known)

    def next_line(self, kernel: object, process: Process) -> Any:
        """The call by which a process waits for a line."""
        return self.lines.pop(process.letter, BLOCKED)


class Simulation:
    """Plays one script with simulated processes."""

    def __init__(self, script: Script) -> None:
        lives = ("start",) * len(script.letters)
        disk = DiskImage("contract", "empty disk", machine=script.machine)
        scenario = Scenario(Cast("contract", "a contract script", lives), disk)
        self.script = script
        self.player = Player("contract", "actor", str(HERE))
        self.execution = Execution(self.player, scenario, judged=False)

    def play(self) -> list[str]:
        """What comes of each line."""
        IMPLEMENTATIONS["next_line"] = self.player.next_line
        SYSCALLS["next_line"] = Syscall("next_line")
        try:
            for letter in self.script.letters:
                assert self._run(letter, "pass") == "done"
            pids = {letter: process.pid for letter, process in self.execution.processes().items()}
            for letter in self.script.letters:
                assert self._run(letter, f"pid = {pids}") == "done"
            return [self._make(line) for line in self.script.lines]
        finally:
            self.execution.close()
            del IMPLEMENTATIONS["next_line"], SYSCALLS["next_line"]

    def _make(self, line: Line) -> str:
        if line.verb == "go on":
            return self._go_on(line.letter)
        if not self.execution.processes()[line.letter].alive:
            return HAS_ENDED
        if line.verb == "run":
            return self._run(line.letter, line.code)
        self.execution.make(Move({"KILL": "crash", "TERM": "term"}[line.verb], line.letter))
        return "done"

    def _run(self, letter: str, code: str) -> str:
        self.player.lines[letter] = code
        return self._go_on(letter)

    def _go_on(self, letter: str) -> str:
        """Have a process take steps until it has answered, waits or ends."""
        process = self.execution.processes().get(letter)
        while process is None or process.alive:
            if letter in self.player.answers and process is not None and not process.signals:
                return self.player.answers.pop(letter)
            try:
                self.execution.make(Move(STEP, letter))
            except ScheduleMismatch:
                return WAITS
            process = self.execution.processes()[letter]
        return f"{ENDED}{self._status(process)}"

    def _status(self, process: Process) -> int:
        for step in reversed(self.execution.trace.steps):
            if step.move.letter == process.letter and step.call and step.call.name == "exit":
                return int(step.call.args[0])
        assert process.outcome is not None
        name = process.outcome.value
        return 128 + (int(name) if name.isdecimal() else signal.Signals[name])


# -- the contract ---------------------------------------------------------------------------------


@EACH_SCRIPT
def test_kernel_and_host_say_the_same(script: Script, host: Host) -> None:
    if "pid 1" in script.name and Path("/proc/1").stat().st_uid == (os.getuid() or NOBODY):
        pytest.skip("pid 1 is no other user's process here")
    if script.machine.foreign and os.getuid() != 0:
        pytest.skip("only root can be two users")
    if "protected" in script.name and any(not int(each.read_text()) for each in PROTECTED):
        pytest.skip("links and files in sticky folders are not protected here: see proc_sys_fs(5)")
    simulated = Simulation(script).play()
    real = host.play(script, simulated)
    assert comparison(script, simulated, simulated) == comparison(script, simulated, real)
    for line, answer in zip(script.lines, real, strict=True):
        assert not answer.startswith(MISTAKES), f"a mistake in the script: {line.text!r}: {answer}"


def comparison(script: Script, simulated: list[str], real: list[str]) -> list[str]:
    """The script with what came of each line, and where the two differ, of both."""
    return [
        f"{line.text}  ->  {kernel if kernel == host else f'kernel: {kernel} | host: {host}'}"
        for line, kernel, host in zip(script.lines, simulated, real, strict=True)
    ]


@EACH_STATE
def test_call_depends_on_nothing_but_the_state(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the exhaustive search counts on: a restored kernel makes the call of the original."""
    simulation = Simulation(script)
    kernel = simulation.execution.kernel
    perform = kernel.perform
    with contextlib.closing(Kernel(script.machine)) as restored:
        for each in (kernel, restored):
            each.dated = True
            each.changed()

        def perform_twice(process: Process, call: Call) -> Any:
            before = states_of(kernel)
            answer = perform(process, call)
            if call.name != "next_line":
                restore(restored, *before, partial(new_process, simulation.player, machine=script.machine))
                assert restored.perform(restored.processes[process.letter], call) == answer, call
                assert states_of(restored) == states_of(kernel), call
            return answer

        monkeypatch.setattr(kernel, "perform", perform_twice)
        simulation.play()


def states_of(kernel: Kernel) -> tuple[SharedState, dict[str, Any]]:
    """The shared state, and the own state of each live process."""
    living = (process for process in kernel.processes.values() if process.alive)
    return kernel.shared_state(), {process.letter: kernel.own_state(process) for process in living}


def test_every_entry_point_is_in_a_script() -> None:
    tables = {
        "os": FILE_CALLS | PATH_CALLS | FOLDER_CALLS | OS_CALLS,
        "fcntl": FCNTL_CALLS,
        "signal": SIGNAL_CALLS,
        "time": TIME_CALLS,
        "atexit": ATEXIT_CALLS,
        "select": SELECT_CALLS,
    }
    modelled = {f"{module}.{name}" for module, table in tables.items() for name in table}
    called = set(re.findall(r"\b([a-z]+\.\w+)\(", "\n".join(map(code_of, SCRIPTS))))
    assert modelled - called == ENTRY_POINTS_WITHOUT_CONTRACT.keys()


def code_of(script: Script) -> str:
    """All code of a script."""
    return "\n".join(line.code for line in script.lines)


def test_every_syscall_is_in_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    performed = set()
    perform = Kernel.perform

    def note_and_perform(kernel: Kernel, process: Process, call: Call) -> Any:
        performed.add(call.name)
        return perform(kernel, process, call)

    monkeypatch.setattr(Kernel, "perform", note_and_perform)
    for script in SCRIPTS:
        Simulation(script).play()
    assert SYSCALLS.keys() - performed == WITHOUT_CONTRACT.keys()


@pytest.mark.parametrize(
    ("syscall", "name"),
    [
        ("unlink", "names: unlink removes one name"),
        ("kill", "signals: kill 0 asks whether a process is there"),
        ("fsync", "descriptors: a closed descriptor is EBADF for every call"),
    ],
)
def test_syscall_that_does_nothing_is_noticed(
    syscall: str, name: str, monkeypatch: pytest.MonkeyPatch, host: Host
) -> None:
    script = next(script for script in SCRIPTS if script.name == name)
    monkeypatch.setitem(IMPLEMENTATIONS, syscall, lambda kernel, process, *args: None)
    simulated = Simulation(script).play()
    assert simulated != host.play(script, simulated)
