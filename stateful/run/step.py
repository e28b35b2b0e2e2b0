"""One step of a process: the order of a signal, a wait, a call and its answer.

Defined once for everything that makes steps: an execution (``run/execution``), the memory of the exhaustive
search (``search/memory``) and the player of real processes (``host/play``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from stateful.model.call import BLOCKED, Call, Delivery, UnmodelledSyscall
from stateful.model.syscalls import SILENT, WAITS
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


class CannotStep(Exception):
    """A process cannot make a step now, and why."""


def make_step(stepper: Stepper, *, begins: bool, fault: str = "") -> tuple[Call, Any]:
    """Make the next step of a process: the call and its answer.

    A signal is handled first; if the process was waiting, that is the whole step. If the process would only
    wait, starting it counts as the step.

    Args:
        begins: whether the process has not made a step yet.
        fault: the fault by which the call fails; empty for none.

    Raises CannotStep if the process has to wait, or if the fault cannot happen to its call.
    """
    waited = stepper.pending
    if begins and not fault and waited.name in WAITS:
        return waited, None
    delivery = stepper.deliver()
    if delivery is not None and waited.name in WAITS:
        return waited, delivery
    call = stepper.pending
    if fault and (delivery is not None or fault not in faults_of(call)):
        raise CannotStep(f"{call.name}() cannot fail so")
    answer = stepper.perform(call, fault)
    if answer is BLOCKED:
        if delivery is None:
            raise CannotStep(f"it waits in {call.name}()")
        return call, delivery
    stepper.proceed(call, answer)
    return call, answer


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
