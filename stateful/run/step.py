"""One step of a process: the order of a signal, a wait, a call and its answer.

Defined once for everything that makes steps: an execution (``run/execution``), the memory of the exhaustive
search (``search/memory``) and the player of real processes (``host/play``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from stateful.kernel.locks import BEGINS
from stateful.model.call import BLOCKED, Call, Delivery, Errno, Interrupted, UnmodelledSyscall
from stateful.model.faults import INTERRUPTIONS, SIGNALS
from stateful.model.syscalls import ENDS, SILENT, WAITS
from stateful.model.usage import faults_of

LIMIT_SILENT_CALLS: Final = 10_000


class Stepper(Protocol):
    """A process that is about to make a call, and what performs its calls."""

    @property
    def pending(self) -> Call:
        """The call that the process is about to make."""

    def deliver(self) -> Delivery | None:
        """Handle the first pending signal, and run to the next step; None if there is no signal."""

    def perform(self, call: Call, fault: str) -> Any:
        """Make the call, or make it fail by a fault: the answer, or BLOCKED if it cannot be made now."""

    def proceed(self, call: Call, answer: Any) -> None:
        """Give the process the answer, and run it to its next step, unless the call ended it."""

    def handles(self, kind: str) -> bool:
        """Whether the process has a handler for a signal of the world."""

    def send(self, kind: str) -> None:
        """Send the process a signal of the world."""

    def note_told(self, kind: str) -> None:
        """Note that a signal of the world has told the process to go, or may have."""


class CannotStep(Exception):
    """A process cannot make a step now, and why."""


def make_step(stepper: Stepper, *, begins: bool, fault: str = "") -> tuple[Call, Any]:
    """Make the next step of a process: the call and its answer.

    A signal is handled first; if the process was waiting, that is the whole step. If the process would only
    wait, starting it counts as the step. A signal that arrives in a call is handled before the call returns,
    as CPython does, but where the call fails, or only begins to wait, before the next one.

    Args:
        begins: whether the process has not made a step yet.
        fault: the fault by which the call fails, or the signal that arrives in it; empty for none.

    Raises CannotStep if the process has to wait, or if the fault cannot happen to its call.
    """
    waited = stepper.pending
    if begins and not fault and waited.name in WAITS:
        return waited, None
    delivery = stepper.deliver()
    if delivery is not None and waited.name in WAITS:
        return waited, delivery
    call = stepper.pending
    signal = INTERRUPTIONS.get(fault)
    if signal:
        if delivery is not None or call.name in WAITS or call.name in ENDS:
            raise CannotStep(f"no signal arrives in {call.name}()")
    elif fault and (delivery is not None or fault not in faults_of(call)):
        raise CannotStep(f"{call.name}() cannot fail so")
    answer = stepper.perform(call, "" if signal else fault)
    if answer is BLOCKED:
        if delivery is None:
            raise CannotStep(f"it waits in {call.name}()")
        return call, delivery
    if signal and stepper.handles(signal) and is_made(answer):
        stepper.note_told(fault)
        stepper.proceed(call, Interrupted(answer, SIGNALS[signal]))
    else:
        stepper.proceed(call, answer)
        if signal:
            stepper.send(signal)
    return call, answer


def is_made(answer: Any) -> bool:
    """Whether an answer says that a call was made: it did not fail, nor only begin to wait."""
    return not isinstance(answer, Errno) and answer not in BEGINS.values()


def run_to_step(call: Call, perform: Callable[[Call], Call]) -> Call:
    """The next call of a process that counts as a step.

    Args:
        call: the call that it is about to make now.
        perform: makes a silent call, gives the process the answer, and returns its next call.
    """
    for _ in range(LIMIT_SILENT_CALLS):
        if call.name not in SILENT:
            return call
        call = perform(call)
    raise UnmodelledSyscall(f"the subject made {LIMIT_SILENT_CALLS} calls in a row that are no step")
