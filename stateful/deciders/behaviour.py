"""What a process does next, given what it has been told so far.

A deterministic process is a function of the answers to its calls. So its code runs once for each
distinct history of answers, fed with them and without any kernel; afterwards its next call is known.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from stateful.execution import new_process, run_to_call
from stateful.kernel.call import Call
from stateful.kernel.process import Process
from stateful.kernel.switch import bury
from stateful.subject import Subject

BORN: Final = 0  # the history of a process that has been told nothing


class Nondeterminism(Exception):
    """The same schedule led to different states, so a verdict would mean nothing."""


class Intent(NamedTuple):
    """What a process wants to do next, and where it is in its life."""

    call: Call
    phase: str
    owned: bool


class Behaviour:
    """The behaviour of a subject's processes, learnt history by history."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.runs = 0
        self.draws_random = False
        self._histories: list[tuple[int, Any]] = [(-1, None)]
        self._lengths = [0]
        self._numbers: dict[tuple[int, Any], int] = {}
        self._intents: dict[tuple[str, str, int], Intent] = {}
        self._running: dict[tuple[str, str], tuple[Process, int]] = {}

    def told(self, history: int, answer: Any) -> int:
        """The history that goes on with an answer."""
        key = (history, answer)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._histories)
            self._histories.append(key)
            self._lengths.append(self._lengths[history] + 1)
        return number

    def length(self, history: int) -> int:
        """How many answers a history consists of."""
        return self._lengths[history]

    def last_told(self, history: int) -> tuple[int, Any]:
        """The history before the last answer, and that answer."""
        return self._histories[history]

    def intent(self, letter: str, life: str, history: int) -> Intent:
        """What a process with a history does next."""
        key = (letter, life, history)
        intent = self._intents.get(key)
        if intent is None:
            self._run(letter, life, history)
            intent = self._intents[key]
        return intent

    def _run(self, letter: str, life: str, history: int) -> None:
        """Run the code to a history: on from where it stands, if that is on the way."""
        process, at = self._running.pop((letter, life), (None, -1))
        way = self._way(at, history)
        if process is None or way is None:
            if process is not None:
                bury([process])
            process = new_process(self.subject, letter, life)
            self.runs += 1
            way = self._way(BORN, history) or []
            self._learn(process, run_to_call(process), BORN)
        for step in way:
            self._learn(process, run_to_call(process, self._histories[step][1]), step)
        self._running[letter, life] = (process, history)

    def _way(self, start: int, history: int) -> list[int] | None:
        """The histories between an earlier one and a later one, or None where it is not earlier."""
        way = []
        while history > start:
            way.append(history)
            history = self._histories[history][0]
        return way[::-1] if history == start else None

    def _learn(self, process: Process, call: Call, history: int) -> None:
        intent = Intent(call, process.phase, process.owned)
        self.draws_random = self.draws_random or process.draws > 0
        known = self._intents.setdefault((process.letter, process.life, history), intent)
        if known != intent:
            raise Nondeterminism(
                f"the subject made different calls after being told the same: {known.call.name}"
                f"{known.call.args} once, {call.name}{call.args} now"
            )

    def close(self) -> None:
        """End the code that is still running."""
        bury([process for process, _ in self._running.values()])
        self._running.clear()
