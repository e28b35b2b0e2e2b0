"""The next call of a process, given the answers that it has got so far.

A deterministic process is a function of the answers to its calls. So its code runs once per distinct history
of answers, which are fed to it without any kernel; afterwards its next call is known.
"""

from __future__ import annotations

from functools import partial
from math import inf
from typing import Any, Final, NamedTuple

from stateful.model.call import Call
from stateful.model.machine import MACHINE, Machine
from stateful.model.usage import row
from stateful.protocol.subject import Subject
from stateful.python.interpreter import Interpreter
from stateful.python.refusal import caller
from stateful.python.switch import unwind
from stateful.run.polling import LONGEST_ROUND, Answered, Loop, in_words, loop_of, round_length
from stateful.run.replay import Nondeterminism
from stateful.run.running import new_process, run_to_call

MOST_PARKED: Final = 2048  # suspended processes kept per letter and life
CLOSED_AT_ONCE: Final = 512  # the oldest of these: ending processes collects garbage, however few they are
MOST_ANSWERS: Final = 1 << 20
CALLS_BETWEEN_LOOKS: Final = 8
STARTED: Final = 0  # the history of a process that has got no answer yet


class Intent(NamedTuple):
    """The call that a process makes next, and its phase."""

    call: Call
    phase: str
    owned: bool


class Dated(Exception):
    """A process looks at times of files that the states of the search do not have."""


class Behaviour:
    """The behaviour of a subject's processes, learnt history by history.

    Attributes:
        dated: whether the answers that processes get have all times of files; else one that looks at those
            which are missing is stopped by ``Dated``.
    """

    def __init__(self, subject: Subject, machine: Machine = MACHINE) -> None:
        self.subject = subject
        self.machine = machine
        self.runs = 0
        self.draws_random = self.dated = False
        self._histories: list[tuple[int, Any]] = [(-1, None)]
        self._lengths = [0]
        self._numbers: dict[tuple[int, Any], int] = {}
        self._intents: dict[tuple[str, str, int], Intent] = {}
        self._rounds: dict[tuple[str, str, int], int] = {}
        self._loops: dict[tuple[str, str, int], Loop] = {}
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

    def calls(self, letter: str, life: str, history: int, most: int = MOST_ANSWERS) -> list[Answered]:
        """The calls that a process with this history has made, the last ones only if there are too many."""
        calls: list[Answered] = []
        while history != STARTED and len(calls) < most:
            history, answer = self._histories[history]
            calls.append(Answered(self.intent(letter, life, history).call, answer))
        return calls[::-1]

    def round_length(self, letter: str, life: str, history: int) -> int:
        """How many of its last calls a process has repeated: see ``stateful.run.polling``.

        It is looked for where a process has waited a while, and sometimes elsewhere: once a round suffices.
        """
        key = (letter, life, history)
        waited = any(row(each.call).passes_time for each in self.calls(*key, 2))
        if not waited and self._lengths[history] % CALLS_BETWEEN_LOOKS:
            return 0
        if key not in self._rounds:
            self._rounds[key] = round_length(self.calls(letter, life, history, 2 * LONGEST_ROUND))
        return self._rounds[key]

    def polls_in(self, letter: str, life: str, history: int) -> str:
        """The loop in which a process that has repeated its last calls goes on for ever; empty if it ends."""
        rounds = self.loop(letter, life, history).rounds
        length = self.round_length(letter, life, history)
        return in_words(self.calls(letter, life, history, length)) if rounds == inf else ""

    def loop(self, letter: str, life: str, history: int) -> Loop:
        """The loop of a process that has repeated its last calls."""
        key = (letter, life, history)
        if key not in self._loops:
            earlier = history
            for _ in range(self.round_length(*key)):
                earlier = self._histories[earlier][0]
            known = self._loops.get((letter, life, earlier))
            if known is None:
                begin = partial(new_process, self.subject, letter, life, self.machine)
                known = loop_of(begin, self.calls(*key), self.round_length(*key))
            else:
                known = known._replace(rounds=known.rounds - 1)  # A round later it is in the same loop.
            self._loops[key] = known
        return self._loops[key]

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
        if process.dated and not self.dated:
            raise Dated
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
