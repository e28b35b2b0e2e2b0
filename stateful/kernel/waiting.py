"""Whether a process waits in its next call until another process, or the world, does something."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from stateful.model.lifecycle import OWNER

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.process import Process

Waits = Callable[..., bool]
_WAITING: Final[dict[str, Waits]] = {}


def waits_if(name: str) -> Callable[[Waits], Waits]:
    """Register a function that says whether a call, with these arguments, would wait now."""

    def register(function: Waits) -> Waits:
        _WAITING[name] = function
        return function

    return register


def is_at_rest(kernel: Kernel) -> bool:
    """Whether every live process serves or waits, and has no signal to handle."""
    living = (process for process in kernel.processes.values() if process.alive)
    return all(not each.signals and (each.phase == OWNER or waits(kernel, each)) for each in living)


def waits(kernel: Kernel, process: Process) -> bool:
    """Whether a process can do nothing until something else happens; an owner that serves can exit."""
    call = process.pending
    if call is None or not process.alive or process.stopped or process.signals:
        return False
    asked = _WAITING.get(call.name)
    return asked is not None and asked(kernel, process, *call.args)
