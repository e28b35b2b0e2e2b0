"""A trace with numbered steps, and queries on it: who claimed, owned, looked at and took away what."""

from __future__ import annotations

from collections.abc import Collection

from stateful.explain.words import (
    changes_names,
    claimed_path,
    is_claim,
)
from stateful.model.call import Delivery, Errno
from stateful.model.faults import POWER_LOSS
from stateful.model.lifecycle import OWNER
from stateful.model.signal_target import pid_of
from stateful.model.syscalls import LOOKS, Answer, Kind, Use
from stateful.model.trace import Step, Trace
from stateful.model.usage import row, sends_signal, takes_lock, use_of


class Story:
    """A trace with numbered steps, and queries on it."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.numbered: list[tuple[int, Step]] = []
        number = 0
        for step in trace.steps:
            number += step.move.steps
            self.numbered.append((number, step))

    def moves(self, letter: str) -> list[tuple[int, Step]]:
        """The steps and events of a process."""
        return [(number, step) for number, step in self.numbered if step.move.letter == letter]

    def of(self, letter: str) -> list[tuple[int, Step]]:
        """The steps of a process."""
        return [(number, step) for number, step in self.moves(letter) if step.move.steps]

    def power_loss(self) -> tuple[int, Step] | None:
        """The power loss, and after how many steps it happened."""
        return next(((n, step) for n, step in self.numbered if step.move.kind == POWER_LOSS), None)

    def owned_from(self, letter: str) -> int | None:
        """The step with which a process became owner; the step before its start if it owned at once."""
        return next((number for number, step in self.moves(letter) if step.phase == OWNER), None)

    def claim(self, letter: str, among: Collection[str] = ()) -> tuple[int, Step] | None:
        """The last claiming step of a process before it owned; of one of these paths, if it claimed any."""
        until = self.owned_from(letter) or 0
        claims = [entry for entry in self.of(letter) if entry[0] <= until and is_claim(entry[1])]
        claims = [entry for entry in claims if claimed_path(entry[1]) in among] or claims
        return claims[-1] if claims else None

    def claimed(self, letter: str) -> dict[str, int]:
        """The paths that a process claimed before it owned and still claims, with the step of each claim.

        A lock counts from when its file is opened: it is useless once another file has that name.
        """
        until = self.owned_from(letter)
        claimed: dict[str, int] = {}
        opened: dict[str, int] = {}
        locked: set[str] = set()
        for number, step in self.of(letter):
            if step.call is None or isinstance(step.answer, Errno):
                continue
            releases = use_of(step.call) & Use.RELEASES
            left = {step.path} & locked if releases else {*changes_names(step.call)}
            if until is None or number <= until:
                claimed = {path: at for path, at in claimed.items() if path not in left}
                if row(step.call).has(Kind.FLAGS):
                    opened |= {path: number for path, _ in step.uses()}
                if is_claim(step) and (path := claimed_path(step)) is not None:
                    if takes_lock(step.call) and path not in claimed:
                        locked.add(path)
                    claimed[path] = opened.get(path, number) if path in locked else number
        return claimed

    def removals(self, letter: str, among: Collection[str] = ()) -> list[tuple[int, Step, str]]:
        """The steps with which other processes took away names that a process claimed; the first per path.

        If some of the names are among those given, only for these.
        """
        claimed = self.claimed(letter)
        claimed = {path: number for path, number in claimed.items() if path in among} or claimed
        removals = []
        for number, step in self.numbered:
            if step.move.letter == letter or step.call is None or isinstance(step.answer, Errno):
                continue
            for path in changes_names(step.call):
                if number > claimed.get(path, number):
                    del claimed[path]
                    removals.append((number, step, path))
        return removals

    def owners(self) -> list[str]:
        """The processes that own in the end, in the order in which they became owners."""
        letters = [letter for letter in self.trace.lives if self.still_owns(letter)]
        return sorted(letters, key=lambda letter: self.owned_from(letter) or 0)

    def still_owns(self, letter: str) -> bool:
        """Whether a process owns in the end."""
        steps = [step for _, step in self.moves(letter)]
        return bool(steps) and steps[-1].phase == OWNER and steps[-1].outcome is None

    def with_subject(self, letter: str, after: str = ",") -> str:
        """A process, and its subject if two subjects run in one home."""
        return f"{letter}, which runs {self.trace.subject_of(letter)}{after}" if self.trace.other else letter

    def observed_before(self, letter: str, number: int, path: str | None) -> int | None:
        """The last step before a number with which a process looked at a path or at another process."""
        seen = [
            at
            for at, step in self.of(letter)
            if at < number and not is_claim(step) and self._looks_at(step, path)
        ]
        return seen[-1] if seen else None

    def _looks_at(self, step: Step, path: str | None) -> bool:
        """Whether a step looks at a path or at another process."""
        if step.call is None:
            return False
        said, pid = row(step.call), pid_of(step.call, step.path)
        if pid is not None and (said.has(Kind.PID) or said.sends_signal):
            return pid != self.trace.pids[step.move.letter]
        tells = takes_lock(step.call) or said.answer is Answer.VALUE
        looked_at = [each for each, use in step.uses() if tells or use & LOOKS]
        return said.lists_processes or path in looked_at

    def ended(self, letter: str) -> int | None:
        """The step with which a process ended; None if it lives."""
        return next(
            (number for number, step in self.numbered if step.move.letter == letter and step.outcome), None
        )

    def killed(self) -> list[tuple[str, int]]:
        """The killed processes, and after which step each was killed."""
        return [(step.move.letter, number) for number, step in self.numbered if step.move.kind == "crash"]

    def told(self, letter: str) -> int | None:
        """The step with which a process first ran a signal handler."""
        return next((number for number, step in self.of(letter) if isinstance(step.answer, Delivery)), None)

    def signals(self) -> list[tuple[int, Step]]:
        """The steps with which any process sent a signal."""
        return [entry for entry in self.numbered if entry[1].call and sends_signal(entry[1].call)]
