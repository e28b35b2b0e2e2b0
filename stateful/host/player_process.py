"""One real process: it runs the code of a subject as a simulated process does, and its calls are real.

Between two calls it is the same greenlet with the same entry points, so what counts as a call is the same by
construction. Before each call it tells the *stage* which one it is about to make, and waits for what to do.
"""

from __future__ import annotations

import marshal
import os
import pickle
import resource
import signal
import socket
from typing import Any, Final, NamedTuple, NoReturn

from stateful.host.calls import Place, drop_lock, perform, set_disposition
from stateful.host.rights import Rights
from stateful.kernel.files import LIMIT_OPEN_FILES
from stateful.kernel.process import PYTHON_DISPOSITIONS
from stateful.model.call import Call, Delivery, Errno, Outside, UnmodelledSyscall
from stateful.model.lifecycle import Outcome
from stateful.model.machine import Machine
from stateful.model.syscalls import ENDS, SILENT, Use, cut_short, descriptor, use_of
from stateful.protocol.subject import Subject
from stateful.python.interpreter import Interpreter
from stateful.python.switch import bury
from stateful.run.running import LIMIT_SILENT_CALLS, do_outside, new_process, run_to_call

LONGEST_LIFE_S: Final = 60
MESSAGE_BYTES: Final = 1 << 21
STANDARD_STREAMS: Final = 3
_TOLD_BY: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # these the harness handles
STAGE_FD: Final = 200  # out of the way of the descriptors that the subject sees


class Part(NamedTuple):
    """Which process an actor is.

    Attributes:
        pid: that of the simulated process, from which its randomness is drawn.
        root: the real directory that it sees as ``/``.
    """

    subject: Subject
    letter: str
    life: str
    machine: Machine
    pid: int
    root: str


class Cue(NamedTuple):
    """What an actor is to do, and what time it is.

    Attributes:
        verb: ``go`` makes the call; ``deny`` lets it fail with an errno; ``short`` writes only so many bytes;
            ``drop`` begins to convert a lock; ``deliver`` runs the handler of a signal that has arrived;
            ``exit`` ends ``serve``; ``rest`` forgets this life, and waits for the next one.
    """

    verb: str
    value: int
    clock: int
    skew: int


class Report(NamedTuple):
    """What an actor says when it has come to its next call.

    Attributes:
        signals: those that have arrived, and whose handlers have not run.
        call, path: the next call, and the name that its descriptor stands for.
        refused: why it goes no further, where it does something that is not modelled.
    """

    answer: Any
    phase: str
    signals: tuple[int, ...]
    call: Call | None
    path: str | None
    refused: str | None = None


def in_words(outcome: Outcome) -> Outcome:
    """An outcome whose value, which may be anything, is a number or a text."""
    plain = outcome.value is None or type(outcome.value) in (bool, int, str)
    return outcome if plain else outcome._replace(value=repr(outcome.value))


def encode(report: Report) -> bytes:
    """A report as bytes. Each step takes two messages, so they are made in the fastest way there is."""
    answer, call = report.answer, report.call
    kind = type(answer).__name__ if isinstance(answer, Errno | Delivery) else ""
    name, args = call or ("", ())
    if name in ENDS:
        args = (args[0], tuple(in_words(args[1])))
    return marshal.dumps((kind, tuple(answer) if kind else answer, *report[1:3], name, args, *report[4:]))


def decode(message: bytes) -> Report:
    """What ``encode`` made bytes of."""
    kind, answer, phase, signals, name, args, path, refused = marshal.loads(message)
    answer = {"Errno": Errno, "Delivery": Delivery}[kind](*answer) if kind else answer
    if name in ENDS:
        args = (args[0], Outcome(*args[1]))
    return Report(answer, phase, signals, Call(name, args) if name else None, path, refused)


def act(part: Part, stage: socket.socket, parent: int, clock: tuple[int, int]) -> NoReturn:
    """Be a process of a subject, from its first instruction to its end. To be called in a forked child."""
    try:
        os.setpgid(0, 0)
        actor = _Actor(stage, Rights(parent, is_root(part)))
        while True:
            actor.begin(part, clock)
            part, clock = actor.live()
    except BaseException as error:  # Nobody is there who could handle it, and nothing may run after it.
        refused = str(error) if isinstance(error, UnmodelledSyscall) else f"{type(error).__name__}: {error}"
        stage.send(encode(Report(None, "", (), None, None, refused)))
    finally:
        os._exit(70)


def is_root(part: Part) -> bool:
    """Whether a process runs as root."""
    return part.letter in part.machine.foreign


class _Actor:
    process: Interpreter
    place: Place

    def __init__(self, stage: socket.socket, rights: Rights) -> None:
        self.stage = stage
        self.rights = rights

    def begin(self, part: Part, clock: tuple[int, int]) -> None:
        """Be like a process that has just been started."""
        signal.setitimer(signal.ITIMER_REAL, LONGEST_LIFE_S)
        os.umask(0o022)
        self.process = new_process(part.subject, part.letter, part.life, part.machine)
        self.process.seed = part.pid
        self.process.pid, self.process.uid = os.getpid(), os.getuid()
        self.place = Place(part.root, self.process.fds)
        self.place.clock, self.place.skew = clock
        for number in (*_TOLD_BY, *PYTHON_DISPOSITIONS):
            disposition = PYTHON_DISPOSITIONS.get(number, "default")
            set_disposition(self.place, int(number), disposition)

    def live(self) -> tuple[Part, tuple[int, int]]:
        """Do as one is told; returns who to be next, after a play in which nobody has ended this process."""
        self.run()
        self.report(None)
        while message := self.stage.recv(MESSAGE_BYTES):
            cue = Cue(*marshal.loads(message))
            if cue.verb == "rest":
                self.forget()
                if message := self.stage.recv(MESSAGE_BYTES):
                    part, clock = pickle.loads(message)
                    return part, clock
                break
            self.place.clock, self.place.skew = cue.clock, cue.skew
            self.report(self.follow(cue))
        os._exit(0)

    def forget(self) -> None:
        """Leave nothing behind of the life so far: its code is unwound, with every call refused."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in self.place.changed:
            signal.signal(number, signal.SIG_DFL)
        bury([self.process])
        os.closerange(STANDARD_STREAMS, STAGE_FD)

    def follow(self, cue: Cue) -> Any:
        """Do as one is told, and run to the next call."""
        call = self.process.pending
        assert call is not None
        if cue.verb == "deliver":
            return self.deliver()
        answer: Any
        if cue.verb == "exit":
            answer = "exit"
        elif call.name in ENDS:
            os._exit(call.args[0])
        elif cue.verb == "drop":
            answer = drop_lock(*call.args)
        elif cue.verb == "deny":
            answer = self.deny(call, cue.value)
        elif cue.verb == "short":
            answer = perform(self.place, cut_short(call, cue.value))
        else:
            answer = perform(self.place, call)
        self.run(answer)
        return answer

    def deliver(self) -> Delivery | None:
        """Run the handler of the first signal that has arrived."""
        if not self.place.signals:
            return None
        number = min(self.place.signals)
        self.place.signals.remove(number)
        self.run(Delivery(number))
        return Delivery(number)

    def deny(self, call: Call, code: int) -> Any:
        if use_of(call) & Use.RELEASES:
            perform(self.place, call)
        return Errno(code)

    def run(self, *answer: Any) -> None:
        """Run to the next call that is a step, making the silent calls on the way."""
        call = self.run_to_call(*answer)
        for _ in range(LIMIT_SILENT_CALLS):
            if call.name not in SILENT:
                self.process.pending = call
                return
            call = self.run_to_call(perform(self.place, call))
        raise UnmodelledSyscall(f"the subject made {LIMIT_SILENT_CALLS} calls that are no step in a row")

    def run_to_call(self, *answer: Any) -> Call:
        return run_to_call(self.process, *answer, outside=self.outside)

    def outside(self, request: Outside) -> tuple[Any, BaseException | None]:
        """Read code, as whoever installed it may."""
        self.rights.take()
        try:
            return do_outside(request)
        finally:
            self.rights.drop()

    def report(self, answer: Any) -> None:
        """Say what the last call answered, and which is the next one."""
        call = self.process.pending
        assert call is not None
        fd = descriptor(call)
        file = None if fd is None else self.process.fds.get(fd)
        path = file.path if file is not None else None
        signals = tuple(sorted(self.place.signals))
        self.stage.send(encode(Report(answer, self.process.phase, signals, call, path)))


def be_alone(stage: socket.socket) -> socket.socket:
    """Keep no descriptor but the socket to the stage, where no call of the subject meets it."""
    os.dup2(stage.fileno(), STAGE_FD, inheritable=False)
    stage.detach()
    os.closerange(STANDARD_STREAMS, STAGE_FD)
    os.closerange(STAGE_FD + 1, STAGE_FD + 100)
    limit = LIMIT_OPEN_FILES + STANDARD_STREAMS
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=STAGE_FD)
