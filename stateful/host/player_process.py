"""A player process: a real process that runs the code of a subject as a simulated process does.

Between two calls it is the same greenlet with the same entry points as in the simulation, so that both make
the same calls by construction. Before each call it reports the call to the play, and waits for a command.
"""

from __future__ import annotations

import errno
import fcntl
import marshal
import os
import pickle
import resource
import signal
import socket
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

from stateful.host.calls import Orders, Sandbox, perform
from stateful.host.process_table import set_disposition
from stateful.host.rights import Rights
from stateful.kernel.files import LIMIT_OPEN_FILES
from stateful.kernel.locks import BEGINS
from stateful.kernel.process import PYTHON_DISPOSITIONS
from stateful.model.call import Call, Delivery, Errno, Interrupted, Outside, UnmodelledSyscall
from stateful.model.clock import Clock
from stateful.model.lifecycle import Outcome
from stateful.model.machine import Machine
from stateful.model.schedule import ENDS_OF_SERVE
from stateful.model.syscalls import ENDS, Answer, Kind, Use
from stateful.model.usage import cut_short, descriptor, row, use_of
from stateful.protocol.subject import Subject
from stateful.python.interpreter import Interpreter
from stateful.python.switch import unwind
from stateful.run.running import do_outside, new_process, run_to_call
from stateful.run.step import is_made, run_to_step

LONGEST_LIFE_S: Final = 60
MESSAGE_BYTES: Final = 1 << 21
STANDARD_STREAMS: Final = 3
_TOLD_BY: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the harness handles these
CHANNEL_FD: Final = LIMIT_OPEN_FILES + STANDARD_STREAMS  # beyond the descriptors that the subject sees
_COMM: Final = Path("/proc/self/comm")


class PlayerSpec(NamedTuple):
    """Which simulated process a player process stands for.

    Attributes:
        pid: the simulated pid, which seeds the randomness of the process.
        root: the real directory that the process sees as ``/``.
    """

    subject: Subject
    letter: str
    life: str
    machine: Machine
    pid: int
    root: str


class Command(NamedTuple):
    """What a player process does next, and the time: the fields of a ``Clock``.

    Attributes:
        verb: ``go`` makes the call; ``deny`` fails it with the errno ``value``; ``short`` writes at most
            ``value`` bytes; ``drop`` begins to convert a lock; ``deliver`` runs the handler of a signal that
            has arrived; ``exit`` ends ``serve``; ``rest`` ends this life and waits for the next one.
        ticks: since when, by the real clock in nanoseconds, the wall clock of the play has had which time.
    """

    verb: str
    value: int
    booted: int
    monotonic: int
    suspended: int
    ticks: tuple[tuple[int, int], ...] = ()
    orders: Orders = ()


class Report(NamedTuple):
    """What a player process tells when it has reached its next call.

    Attributes:
        signals: signals that have arrived and whose handlers have not run.
        call, path: the next call, and the path of its descriptor.
        imitated: what it has used so far that was not the host's.
        refused: why the process cannot go on, for instance because it did something that is not modelled.
    """

    answer: Any
    phase: str
    signals: tuple[int, ...]
    call: Call | None
    path: str | None
    imitated: tuple[str, ...] = ()
    refused: str | None = None


def in_words(outcome: Outcome) -> Outcome:
    """An outcome whose value is replaced by its text, unless it is a number or a text."""
    plain = outcome.value is None or type(outcome.value) in (bool, int, str)
    return outcome if plain else outcome._replace(value=repr(outcome.value))


def encode(report: Report) -> bytes:
    """A report as bytes. Each step takes two messages, so this is the fastest encoding."""
    answer, call = report.answer, report.call
    kind = type(answer).__name__ if isinstance(answer, Errno | Delivery) else ""
    name, args = call or ("", ())
    if name in ENDS:
        args = (args[0], tuple(in_words(args[1])))
    return marshal.dumps((kind, astuple(answer) if kind else answer, *report[1:3], name, args, *report[4:]))


def decode(message: bytes) -> Report:
    """The report that ``encode`` made bytes of."""
    kind, answer, phase, signals, name, args, path, *rest = marshal.loads(message)
    answer = {"Errno": Errno, "Delivery": Delivery}[kind](*answer) if kind else answer
    if name in ENDS:
        args = (args[0], Outcome(*args[1]))
    return Report(answer, phase, signals, Call(name, args) if name else None, path, *rest)


def run_player(spec: PlayerSpec, channel: socket.socket, parent: int, clock: Clock) -> NoReturn:
    """Run a process of a subject from its first instruction to its end. For a forked child."""
    try:
        os.setpgid(0, 0)
        player = _PlayerProcess(channel, Rights(parent, spec.machine.who(spec.letter).uid))
        while True:
            player.begin(spec, clock)
            spec, clock = player.live()
    except BaseException as error:  # Nothing else of the forked interpreter may run.
        refused = str(error) if isinstance(error, UnmodelledSyscall) else f"{type(error).__name__}: {error}"
        channel.send(encode(Report(None, "", (), None, None, refused=refused)))
    finally:
        os._exit(70)


class _PlayerProcess:
    process: Interpreter
    sandbox: Sandbox
    entered: bool

    def __init__(self, channel: socket.socket, rights: Rights) -> None:
        self.channel = channel
        self.rights = rights
        self.imitated: set[str] = set()
        self.comm = _COMM.read_bytes() if _COMM.exists() else b""

    def begin(self, spec: PlayerSpec, clock: Clock) -> None:
        """Become like a process that has just been started."""
        self.imitated = set()
        signal.setitimer(signal.ITIMER_REAL, LONGEST_LIFE_S)
        os.umask(spec.machine.umask)
        self.entered = False
        self.process = new_process(spec.subject, spec.letter, spec.life, spec.machine)
        self.process.seed = spec.pid
        self.process.pid, self.process.uid = os.getpid(), os.getuid()
        self.sandbox = Sandbox(spec.root, self.process.fds)
        self.sandbox.clock = clock
        for number in (*_TOLD_BY, *PYTHON_DISPOSITIONS):
            disposition = PYTHON_DISPOSITIONS.get(number, "default")
            set_disposition(self.sandbox, int(number), disposition)

    def live(self) -> tuple[PlayerSpec, Clock]:
        """Execute commands; return the spec and the time of the next life, if this one ends with ``rest``."""
        self.run()
        self.report(None)
        while message := self.channel.recv(MESSAGE_BYTES):
            command = Command(*marshal.loads(message))
            if command.verb == "rest":
                self.forget()
                if message := self.channel.recv(MESSAGE_BYTES):
                    spec, clock = pickle.loads(message)
                    return spec, clock
                break
            self.sandbox.clock, self.sandbox.ticks = Clock(*command[2:5]), command.ticks
            self.sandbox.orders = command.orders
            self.report(self.execute(command))
        os._exit(0)

    def forget(self) -> None:
        """Remove all traces of this life: unwind its code, with every call refused."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in self.sandbox.changed:
            signal.signal(number, signal.SIG_DFL)
        unwind([self.process])
        os.chdir("/")
        if _COMM.exists() and _COMM.read_bytes() != self.comm:
            _COMM.write_bytes(self.comm)
        os.closerange(STANDARD_STREAMS, CHANNEL_FD)

    def execute(self, command: Command) -> Any:
        """Execute a command, and run to the next call; return the answer."""
        call = self.process.pending
        assert call is not None
        self.enter()
        if command.verb == "deliver":
            return self.deliver()
        answer: Any
        if command.verb in ENDS_OF_SERVE:
            answer = command.verb
        elif call.name in ENDS:
            os._exit(call.args[0])
        elif command.verb == "wait":
            answer = self.try_lock(call)
        elif command.verb == "deny":
            answer = self.deny(call, command.value)
        elif command.verb == "short":
            answer = self.make(cut_short(call, command.value))
        else:
            answer = self.make(call)
        if command.verb == "interrupt":
            self.run_interrupted(answer, command.value)
        else:
            self.run(answer)
        return answer

    def make(self, call: Call) -> Any:
        """Make a call for real, and note what of it is not the host's."""
        said = row(call)
        if said.tells_time or said.passes_time:
            self.imitated.add("the clock")
        if said.answer is Answer.PROCESS or said.lists_processes:
            self.imitated.add("psutil")
        elif said.answer is Answer.NAMES:
            self.imitated.add("the order of names")
        return perform(self.sandbox, call)

    def enter(self) -> None:
        """Work in the folder in which the process starts, once it makes calls: earlier there may be none."""
        if not self.entered:
            self.entered = True
            with suppress(OSError):
                os.chdir(self.sandbox.where(self.process.folder_of_work))

    def run_interrupted(self, answer: Any, number: int) -> None:
        """Run on with a signal that arrives in the call, as ``make_step`` says."""
        if is_made(answer) and callable(self.process.handlers.get(number)):
            self.run(Interrupted(answer, number))
        else:
            self.run(answer)
            os.kill(os.getpid(), number)

    def try_lock(self, call: Call) -> Any:
        """Begin to wait for a lock; a conversion drops the lock that is held."""
        at = [argument.kind for argument in row(call).arguments].index(Kind.OPERATION)
        operation = call.args[at] | fcntl.LOCK_NB
        answer = self.make(call._replace(args=(*call.args[:at], operation, *call.args[at + 1 :])))
        return BEGINS[call.name] if answer == Errno(errno.EAGAIN) else answer

    def deliver(self) -> Delivery | None:
        """Run the handler of the lowest signal that has arrived."""
        if not self.sandbox.signals:
            return None
        number = min(self.sandbox.signals)
        self.sandbox.signals.remove(number)
        self.run(Delivery(number))
        return Delivery(number)

    def deny(self, call: Call, code: int) -> Any:
        if use_of(call) & Use.RELEASES:
            self.make(call)
        return Errno(code)

    def run(self, *answer: Any) -> None:
        """Run to the next call that is a step; make the silent calls before it."""
        self.process.pending = run_to_step(
            self.run_to_call(*answer), lambda silent: self.run_to_call(self.make(silent))
        )

    def run_to_call(self, *answer: Any) -> Call:
        return run_to_call(self.process, *answer, outside=self.outside)

    def outside(self, request: Outside) -> tuple[Any, BaseException | None]:
        """Read code, with root's rights where the harness has them."""
        self.rights.take()
        try:
            return do_outside(request)
        finally:
            self.rights.drop()

    def report(self, answer: Any) -> None:
        """Report the answer of the last call, and the next call."""
        call = self.process.pending
        assert call is not None
        fd = descriptor(call)
        file = None if fd is None else self.process.fds.get(fd)
        path = file.path if file is not None else None
        signals = tuple(sorted(self.sandbox.signals))
        imitated = {*self.imitated, *(["random numbers"] * bool(self.process.draws))}
        phase = self.process.phase
        self.channel.send(encode(Report(answer, phase, signals, call, path, tuple(sorted(imitated)))))


def keep_only(channel: socket.socket) -> socket.socket:
    """Close all descriptors but the channel, and move that beyond those that the subject sees."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CHANNEL_FD + 1), hard))
    os.dup2(channel.fileno(), CHANNEL_FD, inheritable=False)
    channel.detach()
    os.closerange(STANDARD_STREAMS, CHANNEL_FD)
    os.closerange(CHANNEL_FD + 1, CHANNEL_FD + 100)
    resource.setrlimit(resource.RLIMIT_NOFILE, (CHANNEL_FD, hard))
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=CHANNEL_FD)
