"""One play: real processes make the moves of a trace, and each move is compared with the simulation."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import psutil

from stateful.explain.words import answer_text, call_text
from stateful.host import layout
from stateful.host.agreement import Agreement
from stateful.host.fork_client import ForkClient
from stateful.host.inject import inject
from stateful.host.player_process import Command, Report
from stateful.host.player_stepper import PlayerStepper
from stateful.host.players import Player, Players, check_playable, ended_text
from stateful.host.process_table import STATE, stat_fields
from stateful.host.translation import Translation, mentions, next_tick
from stateful.kernel.locks import BEGINS
from stateful.model.call import Call, Delivery
from stateful.model.clock import MICROSECONDS, START, Clock
from stateful.model.confirmation import Differs, Uneven, Unplayable
from stateful.model.faults import MACHINE_FAULTS, SIGNALS
from stateful.model.lifecycle import Entry
from stateful.model.machine import DEAD_PID, ROOT, START_TICKS
from stateful.model.scenario import Scenario
from stateful.model.schedule import LETTERS, LIVES, STEP
from stateful.model.signal_target import named_by
from stateful.model.syscalls import Kind
from stateful.model.trace import Step, Trace
from stateful.model.usage import row, signal_sent
from stateful.protocol.subject import Subject
from stateful.run.step import CannotStep, make_step

ENDS_A_STRANGER: Final = (signal.SIGKILL, signal.SIGTERM)


class Unchecked(NamedTuple):
    """A report that is compared with its step while the next step is being made."""

    number: int
    step: Step
    call: Call
    path: str | None
    report: Report
    signals: tuple[int, ...]


class HostPlay:
    """Plays one trace; a context manager that leaves no process behind.

    Attributes:
        clock: the time of the play; it begins at a whole second, as in the simulation.
        machine: of the scenario.
        orders: the order of the folders whose names are not listed sorted.
        denial: the errno of calls that a failing disk denies; None while the disk is well.
    """

    def __init__(
        self,
        fork_client: Callable[[Sequence[str]], ForkClient],
        subject: Subject,
        scenario: Scenario,
        trace: Trace,
        root: str,
    ) -> None:
        self.machine = scenario.disk.machine
        check_playable(self.machine)
        self._trace = trace
        self._number = 0
        self._disk = trace.disks[0]
        self._unchecked: Unchecked | None = None
        self.root = root
        began = int(time.time()) * MICROSECONDS
        booted = int(psutil.boot_time()) * MICROSECONDS
        self.clock = Clock(booted, began - booted)
        self._ticks: tuple[tuple[int, int], ...] = ((0, began),)
        self.orders: dict[str, str] = {}
        self.denial: int | None = None
        self.translation = Translation(timedelta(microseconds=began - START.wall))
        self.agreement = Agreement(self.translation)
        self.players = Players(fork_client, subject, self.machine, self.translation, root)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """End all processes; after an unexpected error the fork servers end them."""
        if error is None:
            self.players.keep_running()
        if error is None or isinstance(error, Differs | Unplayable | Uneven):
            self.players.kill_all()
        else:
            self.players.disconnect()

    def play(self) -> None:
        """Play the whole trace. Raises Differs or Unplayable."""
        self._begin()
        for index, step in enumerate(self._trace.steps):
            self._number += step.move.steps
            self._disk = self._trace.disks[index]
            if not step.move.steps:
                self._compare()
            if step.move.kind in MACHINE_FAULTS:
                inject(self, step.move, self._trace.disks[index + 1])
                continue
            before, after = self._entries(index), self._entries(index + 1)
            if step.move.kind in LIVES:
                self._player(step.move.letter)
            elif step.move.steps:
                self._make_step(step, before, after)
            else:
                self._make_event(step)
            self._compare_processes(step, before, after)
        self._compare()
        self._compare_disks()
        for letter, player in self.players.living.items():
            if self.players.has_ended(player):
                raise Differs(f"in the end, {letter} lives in the simulation, and on the host it has ended.")
        for letter, step in self._trace.waits.items():
            self._compare_wait(letter, step)

    def _compare_disks(self) -> None:
        found = layout.difference(self.root, self._trace.disks[-1], self.translation)
        if found:
            raise Differs(f"in the end, {found}.")

    def _compare_wait(self, letter: str, step: Step) -> None:
        """Compare the call in which a process waits for ever, and try whether it would wait here."""
        player = self._player(letter)
        assert player.report.call is not None
        self.same_call(step, player.report.call, player.report.path)
        if not step.answer and row(player.report.call).has(Kind.OPERATION):
            self.send(step, "wait")
            self.receive(step)
            if player.report.answer not in BEGINS.values():
                raise Differs(f"in the end, {letter} waits in the simulation, and on the host it goes on.")

    # -- before it begins ---------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Start the processes that the disk names, and lay the disk out."""
        disk = self._trace.disks[0]
        gives = any(step.call is not None and row(step.call).has(Kind.USER) for step in self._trace.steps)
        if gives and os.getuid() != ROOT:
            raise Unplayable("a file is given to another user, which takes root.")
        contents = b" ".join(file.content for _, file in disk.files)
        for stranger in self.machine.strangers:
            self.players.start_stranger(stranger)
        named = mentions(contents, DEAD_PID) or any(
            move.detail == str(DEAD_PID) for move in self._trace.moves
        )
        if named and DEAD_PID not in self.players.strangers:
            self.players.add_dead()
        letters = [move.letter for move in self._trace.moves if move.letter]
        for index, letter in enumerate(LETTERS):
            if mentions(contents, self.machine.pid(index)) and letter in letters:
                if letters[0] != letter:
                    raise Unplayable(f"the record names the pid of {letter}, which is not there until later.")
                self._player(letter)
                if mentions(contents, START_TICKS - 1):
                    self.translation.add(START_TICKS - 1, self.players.living[letter].start - 1)
        self._start_early()
        layout.make_root(self.root)  # Meanwhile processes start, which touches no file.
        layout.lay_out(self.root, disk, self.translation)

    def _start_early(self) -> None:
        """Start all processes whose first turn comes before an event or a sleep, at the same time."""
        for step in self._trace.steps:
            if not step.move.steps or (step.call and row(step.call).passes_time):
                return
            if step.move.letter not in self.players.living:
                self._start(step.move.letter)

    def _start(self, letter: str) -> None:
        self.players.start(letter, self._trace.lives[letter], self.clock)

    def _player(self, letter: str) -> Player:
        """A process at its first call or later; it is started if necessary."""
        if letter not in self.players.living:
            self._start(letter)
        player = self.players.living[letter]
        if player.report.call is not None:
            return player
        try:
            return self.players.wait_for_first_call(letter)
        except Differs as why:
            raise Differs(f"{letter} makes its first call in the simulation; on the host, {why}.") from None

    def _entries(self, index: int) -> dict[str, Entry]:
        """The living processes of the simulation at a moment, by letter."""
        return {letter: standing.entry for letter, standing in self._trace.living[index].items()}

    # -- the moves ----------------------------------------------------------------------------------------

    def _make_step(self, step: Step, before: dict[str, Entry], after: dict[str, Entry]) -> None:
        letter = step.move.letter
        player = self._player(letter)
        waiting = before[letter].signals if letter in before else ()
        stepper = PlayerStepper(self, step, player, waiting, letter not in after, self._disk)
        fault = "" if step.move.kind == STEP else step.move.kind
        try:
            call, answer = make_step(stepper, begins=letter not in before, fault=fault)
        except CannotStep as why:
            raise Differs(f"{self._where(step)}: on the host, {why}.") from None
        if isinstance(answer, Delivery):
            self._compare_phase(step, player.report, after[letter].signals if letter in after else ())
        elif stepper.call is None:  # The start of the process was the whole step.
            self.same_call(step, call, player.report.path)
            self._compare()
        elif letter in after:
            signals = after[letter].signals
            self._unchecked = Unchecked(self._number, step, call, stepper.path, player.report, signals)
            if row(call).passes_time and not answer:  # else something has ended the wait
                self.clock = self.clock.after(call.args[-1])

    def send(self, step: Step, verb: str, value: int = 0) -> None:
        """Send a process a command; compare the previous step meanwhile."""
        if self.clock.wall != self._ticks[-1][1]:
            self._ticks += ((next_tick(), self.clock.wall),)
        self.players.send(
            step.move.letter, Command(verb, value, *self.clock, self._ticks, tuple(self.orders.items()))
        )
        self._compare()

    def receive(self, step: Step) -> None:
        """Wait until a process has reached its next call."""
        try:
            self.players.receive(step.move.letter)
        except Differs as why:
            said = answer_text(step) or "it goes on"
            raise Differs(f"{self._where(step)}: the simulation says {said}; on the host, {why}.") from None

    def _make_event(self, step: Step) -> None:
        letter = step.move.letter
        player = self._player(letter)
        if step.move.kind in SIGNALS:
            os.kill(player.pid, SIGNALS[step.move.kind])
        else:
            self.send(step, step.move.kind)
            self.receive(step)
            self.same(step, step.phase, player.report.phase)

    # -- comparing --------------------------------------------------------------------------------

    def _compare_processes(self, step: Step, before: dict[str, Entry], after: dict[str, Entry]) -> None:
        """Wait until each process has ended, stopped or continued as in the simulation."""
        call = step.call
        for letter, player in list(self.players.living.items()):
            if player.report.call is None:
                continue  # It has not had its first turn.
            if letter not in after:
                self._compare_end(step, letter, before[letter].signals if letter in before else ())
            elif after[letter].stopped != player.stopped:
                player.stopped = after[letter].stopped
                if not self.players.is_in_state(player, player.stopped):
                    word = "is stopped" if player.stopped else "goes on"
                    raise Differs(f"{self._where(step)}: {letter} {word} in the simulation, not on the host.")
        if call is not None and signal_sent(call) in ENDS_A_STRANGER:
            target = named_by(step.path)[0] if step.path else abs(call.args[0])
            stranger = self.players.strangers.get(target)
            reached = step.answer is None and stranger is not None and target not in self._ended_pids()
            if reached and self.players.end_stranger(target) is None:
                raise Differs(f"{self._where(step)}: pid {target} lives on on the host.")

    def _ended_pids(self) -> set[int]:
        """The simulated pids of strangers that are zombies, which no signal reaches."""
        return {
            pid
            for pid, player in self.players.strangers.items()
            if stat_fields(player.pid).rest[STATE] == "Z"
        }

    def _compare_end(self, step: Step, letter: str, waiting: tuple[int, ...]) -> None:
        """Compare how a process has ended with how it ends in the simulation.

        ``waiting``: signals sent while the process was stopped; the first ends it when it continues.
        """
        status = self.players.end(letter)
        outcome = step.outcome if letter == step.move.letter else None
        sent = SIGNALS.get(step.move.kind, signal_sent(step.call) if step.call else 0)
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
        """Compare the previous step with the report of the process, unless that is done."""
        if self._unchecked is None:
            return
        (number, step, call, path, report, signals), self._unchecked = self._unchecked, None
        assert step.call is not None
        now, self._number = self._number, number
        if not self.agreement.on_answer(step.call, step.path or "", step.answer, call, report.answer):
            raise self._difference(step, call, path, report.answer)
        self._compare_phase(step, report, signals)
        self._number = now

    def _compare_phase(self, step: Step, report: Report, signals: tuple[int, ...]) -> None:
        self.same(step, step.phase, report.phase)
        self.same(step, signals, report.signals)

    def same_call(self, step: Step, call: Call, path: str | None) -> None:
        """Raise Differs unless a real call is that of the simulation."""
        assert step.call is not None
        if not self.agreement.on_call(step.call, call) or not self.agreement.on_path(step.path, path):
            self._compare()
            shown = call_text(step._replace(call=call, path=path))
            raise Differs(
                f"step {self._number} of {step.move.letter}: the simulation calls {call_text(step)}, "
                f"the host {shown}{_details(step.call, call) if shown == call_text(step) else ''}."
            )

    def same(self, step: Step, simulated: Any, real: Any) -> None:
        """Raise Differs unless what the host says is what the simulation says."""
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
