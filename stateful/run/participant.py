"""A process of an execution: its interpreter, the steps that it makes, and what happened to it so far."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from math import inf
from typing import Any, Final

from stateful.kernel.failing_calls import fail
from stateful.kernel.kernel import Kernel
from stateful.kernel.process import disposition_of
from stateful.kernel.signals import take_signal
from stateful.kernel.waiting import waits
from stateful.model.call import Call, Delivery
from stateful.model.denial import after_answer
from stateful.model.excuses import NO_EXCUSE
from stateful.model.faults import SIGNALS, after_fault
from stateful.model.life import plain
from stateful.model.lifecycle import STARTING
from stateful.model.machine import Machine
from stateful.model.moment import View, company_of, told_by
from stateful.model.signal_target import Target, target_of
from stateful.model.usage import descriptor, sends_signal
from stateful.protocol.subject import Subject
from stateful.python.interpreter import Interpreter
from stateful.run.polling import Answered, in_words, loop_of, round_length, seen_by_others
from stateful.run.running import new_process, run_to_call
from stateful.run.step import run_to_step

MOST_LOOPS: Final = 1_024  # remembered, of all executions


class Participant:
    """A process in an execution; a ``Stepper``.

    Attributes:
        company, frozen, alone, steps, asked, excuse: see ``View``.
        calls: every call that it has made, with its answer.
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
        self.calls: list[Answered] = []
        self._round = 0  # how many of its last calls it has repeated
        self._loop: str | None = None  # that loop, if it goes on for ever; empty if not, None if unknown
        self._failed = 0  # after how many calls one of them was made to fail
        self._seen: Any = None
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
        self._failed = len(self.calls) + 1
        return fail(self.kernel, self.process, call, fault)

    def note_disk(self) -> None:
        """Note, before a step, what the disk excuses."""
        self.excuse = self.excuse.after_move(self.kernel.hindrance())

    def note_answer(self, call: Call | None, answer: Any) -> None:
        """Note, after a step, whether a private file of another user was in the way."""
        if len(self.kernel.machine.users) > 1:
            self.excuse = after_answer(self.excuse, call, answer, self.kernel.disk(), self.process.uid)

    def proceed(self, call: Call, answer: Any) -> None:
        if self.process.alive:
            self.tell(answer)

    def handles(self, kind: str) -> bool:
        return disposition_of(self.process.dispositions, SIGNALS[kind]) == "handler"

    def send(self, kind: str) -> None:
        self.note_told(kind)
        self.kernel.send(self.process, SIGNALS[kind])

    def note_told(self, kind: str) -> None:
        self.asked = told_by(kind, self.asked, starting=self.process.phase == STARTING)

    def tell(self, *answer: Any) -> None:
        """Run the process to its next step, with an answer to its last call unless it begins."""

        def perform(silent: Call) -> Call:
            self.process.pending = silent
            result = self.kernel.perform(self.process, silent)
            self.calls.append(Answered(silent, result))
            return run_to_call(self.process, result)

        if answer:
            self.calls.append(Answered(self.pending, *answer))
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
            unit=self.kernel.machine.who(process.letter).unit(process.one_per),
        )

    def note_round(self) -> None:
        """Note whether its last calls repeat those before them, and what it has seen then."""
        length = round_length(self.calls)
        if len(self.calls) - self._failed < 2 * length:
            length = 0  # A fault need not happen again.
        if length != self._round:
            self._round, self._loop = length, None
        self._seen = seen_by_others(self.kernel.shared_state()) if self._round else None

    def may_wait(self) -> bool:
        """Whether it waits in a call, or has polled and nothing has happened since."""
        if waits(self.kernel, self.process):
            return True
        if not self._round or self.process.stopped or self.process.signals:
            return False
        return bool(self._seen == seen_by_others(self.kernel.shared_state()))

    def waits_in(self, subject: Subject) -> str:
        """The call in which a process that may wait does so, or the loop in which it polls for ever."""
        if waits(self.kernel, self.process):
            return self.pending.name
        if self._loop is None:
            who = self.process.letter, self.process.life, self.kernel.machine
            for_ever = _polls_for_ever(subject, *who, tuple(self.calls), self._round)
            self._loop = in_words(self.calls[-self._round :]) if for_ever else ""
        return self._loop


@lru_cache(MOST_LOOPS)
def _polls_for_ever(
    subject: Subject, letter: str, life: str, machine: Machine, calls: tuple[Answered, ...], length: int
) -> bool:
    return loop_of(lambda: new_process(subject, letter, life, machine), calls, length).rounds == inf


def _has_rival(actor: Participant, all_: Collection[Participant]) -> bool:
    """Whether an owner of the same home was there when a process began."""
    unit = actor.view().unit
    return any(each.view().unit == unit for each in all_ if each.process.letter in actor.company)


def waiting(actor: Participant, all_: Collection[Participant], subject: Subject) -> dict[str, str]:
    """How processes wait for ever after a move: all live ones, or the one that moved if it is alone.

    Empty if neither is so. A start rightly waits for an owner.
    """
    actor.note_round()
    if actor.process.alive and not actor.may_wait():
        return {}
    living = [each for each in all_ if each.process.alive]
    if not all(each.may_wait() for each in living):
        judged = actor.alone and not (plain(actor.process.life) == "start" and _has_rival(actor, all_))
        living = [actor] if judged and actor.process.alive else []
    waits = {each.process.letter: each.waits_in(subject) for each in living}
    return waits if all(waits.values()) else {}
