"""One play: the moves of a trace, made by real processes, each compared with what the simulation says."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from stateful.explain.words import answer_text, call_text
from stateful.host import layout
from stateful.host.agreement import NAMES_A_PID, Agreement
from stateful.host.calls import STATE, stat_fields
from stateful.host.fork_client import Parent
from stateful.host.inject import strike
from stateful.host.player_process import Cue, Report
from stateful.host.players import Player, Troupe, check, ended_text
from stateful.host.translation import Translation, mentions
from stateful.kernel.kernel import CLOCK_START_US
from stateful.kernel.locks import DROPPED
from stateful.model.call import Call, Delivery, Errno
from stateful.model.confirmation import Differs, Uneven, Unplayable
from stateful.model.faults import ERRNOS, MACHINE_FAULTS, SHORT, SIGNALS
from stateful.model.lifecycle import Entry
from stateful.model.machine import DEAD_PID, FIRST_PID, START_TICKS
from stateful.model.scenario import Scenario
from stateful.model.schedule import LETTERS, LIVES, Move
from stateful.model.signal_target import PIDFD, named_by
from stateful.model.syscalls import WAITS
from stateful.model.trace import Step, Trace
from stateful.protocol.subject import Subject

MICROSECONDS: Final = 1_000_000
ENDS_A_STRANGER: Final = (signal.SIGKILL, signal.SIGTERM)


class Heard(NamedTuple):
    """What a process said after a step, to be compared while the next step is made."""

    number: int
    step: Step
    call: Call
    path: str | None
    report: Report
    signals: tuple[int, ...]


class Stage:
    """Plays one trace; a context manager that leaves no process behind.

    Attributes:
        clock, skew: what time it is; it begins at a whole second, as the simulation's does.
        denial: the errno with which a failing disk denies what the simulation's denies.
    """

    def __init__(
        self,
        parent: Callable[[Sequence[str]], Parent],
        subject: Subject,
        scenario: Scenario,
        trace: Trace,
        root: str,
    ) -> None:
        self._machine = scenario.disk.machine
        check(self._machine)
        self._trace = trace
        self._number = 0
        self._heard: Heard | None = None
        self.root = root
        self.clock = int(time.time()) * MICROSECONDS
        self.skew = 0
        self.denial: int | None = None
        self.translation = Translation(timedelta(microseconds=self.clock - CLOCK_START_US))
        self.agreement = Agreement(self.translation, self.clock)
        self.troupe = Troupe(parent, subject, self._machine, self.translation, root)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Have everybody end; where something unforeseen happened, that is left to their parents."""
        if error is None:
            self.troupe.keep_all()
        if error is None or isinstance(error, Differs | Unplayable | Uneven):
            self.troupe.kill_all()
        else:
            self.troupe.abandon()

    def play(self) -> None:
        """Play it all. Raises Differs or Unplayable."""
        self._begin()
        for index, step in enumerate(self._trace.steps):
            self._number += step.move.steps
            if not step.move.steps:
                self._compare()
            if step.move.kind in MACHINE_FAULTS:
                strike(self, step.move, self._trace.disks[index + 1])
                continue
            before, after = self._entries(index), self._entries(index + 1)
            if step.move.kind in LIVES:
                self._enrol(step.move.letter)
            elif step.move.steps:
                self._step(step, before, after)
            else:
                self._event(step)
            self._settle(step, before, after)
        self._compare()
        self._compare_disks()
        for letter, player in self.troupe.players.items():
            if self.troupe.has_ended(player):
                raise Differs(f"in the end, {letter} lives in the simulation, and on the host it has ended.")

    def _compare_disks(self) -> None:
        found = layout.difference(self.root, self._trace.disks[-1], self.translation)
        if found:
            raise Differs(f"in the end, {found}.")

    # -- before it begins ---------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Have everybody whom the disk names, and lay it out."""
        disk = self._trace.disks[0]
        contents = b" ".join(file.content for _, file in disk.files)
        for stranger in self._machine.strangers:
            self.troupe.admit(stranger)
        named = mentions(contents, DEAD_PID) or any(
            move.detail == str(DEAD_PID) for move in self._trace.moves
        )
        if named and DEAD_PID not in self.troupe.strangers:
            self.troupe.remember_dead()
        letters = [move.letter for move in self._trace.moves if move.letter]
        for index, letter in enumerate(LETTERS):
            if mentions(contents, FIRST_PID + index) and letter in letters:
                if letters[0] != letter:
                    raise Unplayable(f"the record names the pid of {letter}, which is not there until later.")
                self._enrol(letter)
                if mentions(contents, START_TICKS - 1):
                    self.translation.add(START_TICKS - 1, self.troupe.players[letter].start - 1)
        self._call_up_those_who_begin()
        layout.make_root(self.root)  # While they start, which touches no file.
        layout.lay_out(self.root, disk, self.translation, self.clock)

    def _call_up_those_who_begin(self) -> None:
        """Start whoever has a turn before anything else happens than calls; they start beside each other."""
        for step in self._trace.steps:
            if not step.move.steps or (step.call and step.call.name in ("sleep", "select")):
                return
            if step.move.letter not in self.troupe.players:
                self._call_up(step.move.letter)

    def _call_up(self, letter: str) -> None:
        self.troupe.call_up(letter, self._trace.lives[letter], (self.clock, self.skew))

    def _enrol(self, letter: str) -> Player:
        """A process that has come to its first call; it is started where it was not."""
        if letter not in self.troupe.players:
            self._call_up(letter)
        player = self.troupe.players[letter]
        if player.report.call is not None:
            return player
        try:
            return self.troupe.enrol(letter)
        except Differs as why:
            raise Differs(f"{letter} makes its first call in the simulation; on the host, {why}.") from None

    def _entries(self, index: int) -> dict[str, Entry]:
        """Who lives in the simulation at a moment, by letter."""
        return {letter: standing.entry for letter, standing in self._trace.living[index].items()}

    # -- the moves ----------------------------------------------------------------------------------------

    def _step(self, step: Step, before: dict[str, Entry], after: dict[str, Entry]) -> None:
        letter = step.move.letter
        player = self._enrol(letter)
        if letter in before and before[letter].signals:
            self._tell(step, "deliver")
            self._hear(step)
            self._same(step, Delivery(before[letter].signals[0]), player.report.answer)
            if isinstance(step.answer, Delivery):
                self._compare_phase(step, player.report, after[letter].signals if letter in after else ())
                return
        call, path = player.report.call, player.report.path
        assert step.call is not None and call is not None
        if not self.agreement.on_call(step.call, call) or not self.agreement.on_path(step.path, path):
            self._compare()
            shown = call_text(step._replace(call=call, path=path))
            raise Differs(
                f"step {self._number} of {letter}: the simulation calls {call_text(step)}, "
                f"the host {shown}{_details(step.call, call) if shown == call_text(step) else ''}."
            )
        if call.name in WAITS:
            self._compare()
            return  # It has begun, and that was all it had to do.
        self._guard(call, path)
        verb, value = self._how(step, call)
        self._tell(step, verb, value)
        if letter not in after:
            return
        self._hear(step)
        self._heard = Heard(self._number, step, call, path, player.report, after[letter].signals)
        if call.name == "sleep" or (call.name == "select" and player.report.answer == ()):
            self.clock += call.args[-1]

    def _how(self, step: Step, call: Call) -> tuple[str, int]:
        """What a process is told to do about its call."""
        if step.move.kind == SHORT:
            assert step.call is not None
            ours, real = step.call.args[1], call.args[1]
            return "short", self.translation.cut(ours, len(ours) // 2, real)
        if step.move.kind in ERRNOS:
            return "deny", ERRNOS[step.move.kind]
        if self.denial is not None and step.answer == Errno(self.denial):
            return "deny", self.denial
        return ("drop" if step.answer == DROPPED else "go"), 0

    def _tell(self, step: Step, verb: str, value: int = 0) -> None:
        """Have a process do something; meanwhile compare the step before."""
        self.troupe.tell(step.move.letter, Cue(verb, value, self.clock, self.skew))
        self._compare()

    def _hear(self, step: Step) -> None:
        """Wait for a process to come to its next call."""
        try:
            self.troupe.hear(step.move.letter)
        except Differs as why:
            said = answer_text(step) or "it goes on"
            raise Differs(f"{self._where(step)}: the simulation says {said}; on the host, {why}.") from None

    def _event(self, step: Step) -> None:
        letter = step.move.letter
        player = self.troupe.players[letter]
        if step.move.kind in SIGNALS:
            os.kill(player.pid, SIGNALS[step.move.kind])
        else:
            self._tell(step, "exit")
            self._hear(step)
            self._same(step, step.phase, player.report.phase)

    def _guard(self, call: Call, path: str | None) -> None:
        """Refuse to signal, or to ask about, a process of this machine that is none of the play."""
        if call.name in ("listdir", "scandir") and call.args[0] == "/proc":
            raise Unplayable("it lists /proc, where all processes of this machine are.")
        if path and path.startswith(PIDFD):
            pid = named_by(path)[0]
        elif call.name in NAMES_A_PID:
            pid = call.args[0]
        else:
            return
        if pid == -1:
            raise Unplayable(f"{call_text(Step(Move('step'), call, path, None, '', None))} is for everybody.")
        if pid and not self.troupe.is_of_the_play(abs(pid)):
            raise Unplayable(
                f"{call.name} is about pid {pid}, a process of this machine and none of the play."
            )

    # -- what came of them --------------------------------------------------------------------------------

    def _settle(self, step: Step, before: dict[str, Entry], after: dict[str, Entry]) -> None:
        """Wait until everybody has ended, stopped or gone on who has in the simulation."""
        call = step.call
        for letter, player in list(self.troupe.players.items()):
            if player.report.call is None:
                continue  # It has not had its first turn.
            if letter not in after:
                self._compare_end(step, letter, before[letter].signals if letter in before else ())
            elif after[letter].stopped != player.stopped:
                player.stopped = after[letter].stopped
                if not self.troupe.is_in_state(player, player.stopped):
                    word = "is stopped" if player.stopped else "goes on"
                    raise Differs(f"{self._where(step)}: {letter} {word} in the simulation, not on the host.")
        if (
            call is not None
            and call.name in ("kill", "pidfd_send_signal")
            and call.args[1] in ENDS_A_STRANGER
        ):
            pid = named_by(step.path)[0] if step.path else abs(call.args[0])
            stranger = self.troupe.strangers.get(pid)
            reached = step.answer is None and stranger is not None and pid not in self._ended_pids()
            if reached and self.troupe.end_stranger(pid) is None:
                raise Differs(f"{self._where(step)}: pid {pid} lives on on the host.")

    def _ended_pids(self) -> set[int]:
        """The pids of zombies, whom no signal reaches."""
        return {
            pid for pid, player in self.troupe.strangers.items() if stat_fields(player.pid).rest[STATE] == "Z"
        }

    def _compare_end(self, step: Step, letter: str, waiting: tuple[int, ...]) -> None:
        """Compare how a process has ended with how it does in the simulation.

        ``waiting`` is what it had been sent while it was stopped, and ends it when it goes on.
        """
        status = self.troupe.end(letter)
        outcome = step.outcome if letter == step.move.letter else None
        sent = SIGNALS.get(step.move.kind, step.call.args[1] if step.call else 0)
        if outcome is not None and outcome.kind != "killed":
            expected = outcome.status
        elif sent == signal.SIGCONT and waiting:
            expected = -waiting[0]
        else:
            expected = -sent
        if status != expected:
            raise Differs(
                f"{self._where(step)}: {letter} {ended_text(expected)} in the simulation, "
                f"on the host it {ended_text(status)}."
            )

    def _compare(self) -> None:
        """Compare the last step, where that is still to do, with what the process has said."""
        if self._heard is None:
            return
        (number, step, call, path, report, signals), self._heard = self._heard, None
        assert step.call is not None
        now, self._number = self._number, number
        if not self.agreement.on_answer(step.call, step.path or "", step.answer, call, report.answer):
            raise self._difference(step, call, path, report.answer)
        self._compare_phase(step, report, signals)
        self._number = now

    def _compare_phase(self, step: Step, report: Report, signals: tuple[int, ...]) -> None:
        self._same(step, step.phase, report.phase)
        self._same(step, signals, report.signals)

    def _same(self, step: Step, simulated: Any, real: Any) -> None:
        if simulated != real:
            raise Differs(f"{self._where(step)}: the simulation says {simulated}, the host {real}.")

    def _difference(self, step: Step, call: Call, path: str | None, answer: Any) -> Differs:
        ours, theirs = answer_text(step), answer_text(step._replace(call=call, path=path, answer=answer))
        if ours == theirs:
            ours, theirs = repr(step.answer), repr(answer)
        return Differs(f"{self._where(step)}: the simulation says {ours}, the host {theirs}.")

    def _where(self, step: Step) -> str:
        return f"step {self._number} of {step.move.letter}, {call_text(step)}"


def _details(simulated: Call, real: Call) -> str:
    return f" ({simulated.args} and {real.args})"
