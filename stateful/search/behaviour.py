"""The next call of a process, given the answers that it has got so far.

A deterministic process is a function of the answers to its calls. So its code runs once per distinct history
of answers, which are fed to it without any kernel; afterwards its next call is known.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from stateful.model.call import Call
from stateful.model.machine import MACHINE, Machine
from stateful.protocol.subject import Subject
from stateful.python.interpreter import Interpreter
from stateful.python.refusal import caller
from stateful.python.switch import unwind
from stateful.run.replay import Nondeterminism
from stateful.run.running import new_process, run_to_call

MOST_PARKED: Final = 2048  # suspended processes kept per letter and life
CLOSED_AT_ONCE: Final = 512  # the oldest of these: ending processes collects garbage, however few they are
STARTED: Final = 0  # the history of a process that has got no answer yet


class Intent(NamedTuple):
    """The call that a process makes next, and its phase."""

    call: Call
    phase: str
    owned: bool


class Behaviour:
    """The behaviour of a subject's processes, learnt history by history."""

    def __init__(self, subject: Subject, machine: Machine = MACHINE) -> None:
        self.subject = subject
        self.machine = machine
        self.runs = 0
        self.draws_random = False
        self._histories: list[tuple[int, Any]] = [(-1, None)]
        self._lengths = [0]
        self._numbers: dict[tuple[int, Any], int] = {}
        self._intents: dict[tuple[str, str, int], Intent] = {}
        self._parked: dict[tuple[str, str], dict[int, Interpreter]] = {}

    def extended(self, history: int, answer: Any) -> int:
        """The history extended by an answer."""
        key = (history, answer)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._histories)
            self._histories.append(key)
            self._lengths.append(self._lengths[history] + 1)
        return number

    def length(self, history: int) -> int:
        """The number of answers in a history."""
        return self._lengths[history]

    def last_answer(self, history: int) -> tuple[int, Any]:
        """The history before the last answer, and that answer."""
        return self._histories[history]

    def intent(self, letter: str, life: str, history: int) -> Intent:
        """What a process with this history does next."""
        key = (letter, life, history)
        intent = self._intents.get(key)
        if intent is None:
            self._run(letter, life, history)
            intent = self._intents[key]
        return intent

    def _run(self, letter: str, life: str, history: int) -> None:
        """Run the code up to a history, continuing from the nearest earlier one with a suspended process."""
        parked = self._parked.setdefault((letter, life), {})
        missing, at = [], history
        while at not in parked and at != STARTED:
            missing.append(at)
            at = self._histories[at][0]
        process = parked.pop(at, None)
        begins = process is None
        process = process or new_process(self.subject, letter, life, self.machine)
        try:
            if begins:
                self.runs += 1
                self._learn(process, run_to_call(process), STARTED)
            for step in reversed(missing):
                self._learn(process, run_to_call(process, self._histories[step][1]), step)
        except BaseException:
            unwind([process])  # It may hold a lock in a module that it shares with the harness.
            raise
        parked[history] = process
        if len(parked) > MOST_PARKED:
            unwind([parked.pop(old) for old in list(parked)[:CLOSED_AT_ONCE]])

    def _learn(self, process: Interpreter, call: Call, history: int) -> None:
        intent = Intent(call, process.phase, process.owned)
        self.draws_random = self.draws_random or process.draws > 0
        known = self._intents.setdefault((process.letter, process.life, history), intent)
        if known != intent:
            once, now = (f"{each.name}({', '.join(map(repr, each.args))})" for each in (known.call, call))
            raise Nondeterminism(
                f"the subject made different calls after the same answers: {once} once, {now} now"
                f"{caller(process.gr_frame)}; what it does may depend on nothing but what the kernel "
                "answers: not on id(), the order of a set or what another process left in a shared module"
            )

    def close(self) -> None:
        """End the code that is still running."""
        unwind([process for parked in self._parked.values() for process in parked.values()])
        self._parked.clear()
