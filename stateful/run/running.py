"""A process of a subject: how it is created, how it runs to its next call, and what it can do there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from stateful.model.call import Call, Outside
from stateful.model.disk import HOME
from stateful.model.faults import INTERRUPTIONS
from stateful.model.life import plain
from stateful.model.lifecycle import OWNER
from stateful.model.machine import GUEST, MACHINE, OTHER_RUNTIME, OTHER_TEMPORARY, Machine
from stateful.model.syscalls import ENDS, WAITS
from stateful.model.usage import faults_of
from stateful.protocol.subject import Subject
from stateful.python.interpreter import Interpreter
from stateful.python.paths import add_host_folder
from stateful.python.switch import resume

ENVIRONMENT: Final = {
    b"HOME": b"/home/user",
    b"HERMES_HOME": HOME.encode(),
    b"LANG": b"C.UTF-8",
    b"PATH": b"/usr/bin:/bin",
    b"TMPDIR": b"/tmp",
    b"USER": b"user",
    b"XDG_RUNTIME_DIR": b"/run/user/1000",
}
OTHER_ENVIRONMENT: Final = ENVIRONMENT | {
    b"TMPDIR": OTHER_TEMPORARY.encode(),
    b"USER": b"another",
    b"XDG_RUNTIME_DIR": OTHER_RUNTIME.encode(),
}


# What differs where the user does.
ENVIRONMENT_OF_GUEST: Final = {
    b"HOME": b"/home/guest",
    b"USER": b"guest",
    b"XDG_RUNTIME_DIR": f"/run/user/{GUEST}".encode(),
}


def new_process(subject: Subject, letter: str, life: str, machine: Machine = MACHINE) -> Interpreter:
    """A process of a subject, or of the other subject, before its first turn."""
    runs = subject.of(life)
    process = Interpreter(letter, life, lambda: runs.run(plain(life)), machine)
    process.alter = runs.alteration.begin() if runs.alteration else None
    process.folder, process.subject = runs.folder, runs.module.partition(".")[0]
    process.libraries = runs.libraries
    for folder in runs.libraries:
        add_host_folder(folder)
    variables = OTHER_ENVIRONMENT if letter in machine.elsewhere else ENVIRONMENT
    users = ENVIRONMENT_OF_GUEST if process.uid == GUEST else {}
    process.environ = variables | users | {b"HERMES_HOME": process.home.encode()}
    return process


def do_outside(request: Outside) -> tuple[Any, BaseException | None]:
    """Run a function outside the simulation for a process: the result, or the error."""
    try:
        return request.function(*request.args), None
    except Exception as error:
        return None, error


def run_to_call(
    process: Interpreter, *answer: Any, outside: Callable[[Outside], tuple[Any, Any]] = do_outside
) -> Call:
    """Run a process to its next call. Raises UnmodelledSyscall if it did something that is not modelled."""
    request = resume(process, *answer)
    while type(request) is Outside:
        request = resume(process, outside(request))
    if type(request) is Call:
        return request
    assert isinstance(request, BaseException), request
    raise request


def can_step(process: Interpreter) -> bool:
    """Whether a process runs and has something to do; it may still block on a lock."""
    if not process.alive or process.stopped or process.pending is None:
        return False
    return process.pending.name not in WAITS or bool(process.signals)


def can_fail(process: Interpreter, fault: str) -> bool:
    """Whether a fault can be injected into the next call of a process, or a signal can arrive in it."""
    call = process.pending
    if call is None or not can_step(process) or process.signals:
        return False
    return call.name not in ENDS if fault in INTERRUPTIONS else fault in faults_of(call)


def can_exit(process: Interpreter) -> bool:
    """Whether a process can be asked to exit: it serves, is not stopped, and has no pending signal."""
    serves = process.alive and process.phase == OWNER
    return serves and not process.signals and not process.stopped
