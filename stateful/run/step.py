"""One step of a process: the order in which a signal, a wait, a call and its answer follow each other.

Said once, for all that can make a step: an execution (``run/execution``), the memory of the exhaustive search
(``search/memory``) and the player of real processes (``host/play``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from stateful.model.call import BLOCKED, Call, Delivery, UnmodelledSyscall
from stateful.model.syscalls import SILENT, WAITS
from stateful.model.usage import faults_of

LIMIT_SILENT_CALLS: Final = 10_000


class Stepper(Protocol):
    """A process that stands before a call, and whatever performs its calls."""

    @property
    def pending(self) -> Call:
        """The call that it stands before."""

    def deliver(self) -> Delivery | None:
        """Have it handle the first signal that waits for it, and run to its next step; None for no signal."""

    def perform(self, call: Call, fault: str) -> Any:
        """Make its call, or have it fail by a fault: the answer, or BLOCKED where it cannot be made now."""

    def proceed(self, call: Call, answer: Any) -> None:
        """Tell it the answer, and have it run to its next step, unless the call ended it."""


class CannotStep(Exception):
    """A process cannot make a step now, and why."""


def make_step(stepper: Stepper, *, begins: bool, fault: str = "") -> tuple[Call, Any]:
    """Make the next step of a process: the call, and what it answered.

    A signal is handled first; where the process waited for one, that ends the step. If the process would only
    wait, starting it counts as the step.

    Args:
        begins: whether the process has not made a step yet.
        fault: the fault that its call fails by; empty for none.

    Raises CannotStep where it has to wait, or where the fault cannot happen to its call.
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
    """The next call of a process that is a step.

    Args:
        call: the one it stands before now.
        perform: makes a silent call, and tells its answer; the call that the process makes next.
    """
    for _ in range(LIMIT_SILENT_CALLS):
        if call.name not in SILENT:
            return call
        call = perform(call)
    raise UnmodelledSyscall(f"the subject made {LIMIT_SILENT_CALLS} calls that are no step in a row")
