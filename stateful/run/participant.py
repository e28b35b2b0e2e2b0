"""A process of an execution: its interpreter, the steps that it makes, and what happened to it so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stateful.kernel.failing_calls import fail
from stateful.kernel.kernel import Kernel
from stateful.kernel.signals import take_signal
from stateful.kernel.waiting import waits
from stateful.model.call import Call, Delivery
from stateful.model.excuses import NO_EXCUSE
from stateful.model.faults import after_fault
from stateful.model.life import plain
from stateful.model.moment import View, company_of
from stateful.model.signal_target import Target, target_of
from stateful.model.usage import descriptor, sends_signal
from stateful.python.interpreter import Interpreter
from stateful.run.running import run_to_call
from stateful.run.step import run_to_step


class Participant:
    """A process in an execution; a ``Stepper``.

    Attributes:
        company, frozen, alone, steps, asked, excuse: see ``View``.
        path: the path behind the descriptor of its last call, at the time of the call.
        target: the process that its last call signalled, if any.

    Args:
        others: the processes that have begun before.
    """

    def __init__(self, kernel: Kernel, process: Interpreter, others: Sequence[View]) -> None:
        company = company_of(others)
        self.kernel = kernel
        self.process = process
        self.company = company or ()
        self.frozen = bool(company) and all(kernel.processes[letter].stopped for letter in self.company)
        self.alone = company is not None
        self.steps = 0
        self.asked: str | None = None
        self.excuse = NO_EXCUSE
        self.path: str | None = None
        self.target: Target | None = None

    @property
    def pending(self) -> Call:
        assert self.process.pending is not None
        return self.process.pending

    def pending_path(self) -> str | None:
        """The virtual path behind the descriptor argument of the next call."""
        fd = descriptor(self.pending)
        file = None if fd is None else self.process.fds.get(fd)
        return None if file is None else file.path

    def deliver(self) -> Delivery | None:
        self.path = self.target = None
        if not self.process.signals:
            return None
        delivery = Delivery(take_signal(self.kernel, self.process))
        self.asked = self.asked or "signal"
        self.tell(delivery)
        return delivery

    def perform(self, call: Call, fault: str) -> Any:
        self.path = self.pending_path()
        if sends_signal(call):
            living = {letter: each for letter, each in self.kernel.processes.items() if each.alive}
            strangers = self.kernel.strangers.values()
            self.target = target_of(
                living, self.kernel.disk(), strangers, self.process.letter, call, self.path
            )
        if not fault:
            return self.kernel.perform(self.process, call)
        self.excuse = after_fault(fault, "", self.excuse)
        return fail(self.kernel, self.process, call, fault)

    def proceed(self, call: Call, answer: Any) -> None:
        if self.process.alive:
            self.tell(answer)

    def tell(self, *answer: Any) -> None:
        """Run the process to its next step, with an answer to its last call unless it begins."""

        def perform(silent: Call) -> Call:
            self.process.pending = silent
            return run_to_call(self.process, self.kernel.perform(self.process, silent))

        self.process.pending = run_to_step(run_to_call(self.process, *answer), perform)

    def view(self) -> View:
        """The process as the invariants see it."""
        process = self.process
        killed = process.outcome is not None and process.outcome.kind == "killed"
        return View(
            process.letter,
            plain(process.life),
            process.pid,
            process.phase,
            process.owned,
            process.outcome,
            None if killed else self.asked,
            self.excuse,
            self.steps,
            self.alone,
            self.company,
            self.frozen,
            process.namespace,
            process.uid,
            self.pending.name if waits(self.kernel, process) else "",
        )
