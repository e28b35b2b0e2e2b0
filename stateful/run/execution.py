"""One execution: makes the moves of a schedule one by one, from a fresh kernel to a trace and a verdict.

This is the only step loop. Replay, exhaustive search and the Hypothesis machine differ only in how the next
move is chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import ClassVar, cast

from stateful.kernel.kernel import Kernel
from stateful.kernel.locks import locked_by
from stateful.kernel.machine_faults import Impossible, inject
from stateful.kernel.waiting import is_at_rest
from stateful.model.disk import Disk
from stateful.model.faults import MACHINE_FAULTS, OF_A_PID, POWER_LOSS, SIGNALS, Aim, after_fault
from stateful.model.invariants import TOLD_APART, all_broken, first_broken
from stateful.model.life import plain, runs_other
from stateful.model.lifecycle import STARTING
from stateful.model.moment import Moment, View, is_quiet, needs_disk
from stateful.model.scenario import Scenario
from stateful.model.schedule import ENDS_OF_SERVE, LETTERS, LIVES, STEP, Move, ScheduleMismatch
from stateful.model.trace import Step, Trace, Violation
from stateful.protocol.subject import Subject
from stateful.python import interrupt, simulation, switch
from stateful.python.interpreter import Interpreter
from stateful.python.switch import unwind
from stateful.run.participant import Participant, waiting
from stateful.run.running import can_exit, can_fail, can_step, new_process
from stateful.run.step import CannotStep, make_step


class Execution:
    """A running simulation of a subject in a scenario; a context manager that cleans up everything.

    Attributes:
        broken: with ``referee``, every invariant that was broken, with its first sentence; the trace has no
            violation then, so that the execution continues.
        moment: the moment after the last move; None if that move can break no invariant.
    """

    participant: ClassVar[type[Participant]] = Participant

    def __init__(
        self, subject: Subject, scenario: Scenario, *, judged: bool = True, referee: bool = False
    ) -> None:
        self.judged = judged
        self.referee = referee
        self.broken: dict[str, str] = {}
        self.moment: Moment | None = None
        self.subject = subject
        self.scenario = scenario
        other = subject.other.name if subject.other else None
        self.trace = Trace(subject.name, scenario.name, scenario.title, other)
        self._participants: dict[str, Participant] = {}
        self.kernel = Kernel(scenario.disk.machine)
        # The kernel's processes; all that are started here are interpreters.
        self._processes = cast("dict[str, Interpreter]", self.kernel.processes)
        self.kernel.put(scenario.disk.files)
        if scenario.loses_power:
            self.kernel.keep_track()
        simulation.begin()
        self._open = True

    def __enter__(self) -> Execution:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        try:
            if error is None and self._open:
                self.kernel.check()
        finally:
            self.close()

    def close(self) -> None:
        """Unwind all processes, remove the temporary directory, restore the entry points."""
        if self._open:
            self._open = False
            interrupt.hold()
            try:
                simulation.close(self.kernel)
            finally:
                simulation.end()
                interrupt.let_go()

    # -- moves ------------------------------------------------------------------------------------

    @property
    def violation(self) -> Violation | None:
        return self.trace.violation

    @property
    def not_offered(self) -> frozenset[str]:
        """The invariants that the subject of at least one process says it does not keep."""
        stated = (process.not_offered for process in self._processes.values())
        return self.scenario.not_guaranteed(frozenset().union(*stated))

    def processes(self) -> dict[str, Interpreter]:
        return self._processes

    def waiting(self) -> list[str]:
        """The letters of the scenario's processes that have not had their first turn."""
        lives = self.scenario.cast.lives
        return [letter for letter in LETTERS[: len(lives)] if letter not in self._processes]

    def next_letter(self) -> str:
        """The letter of the next process beyond the scenario's own; empty if all are taken."""
        free = LETTERS[len(self.scenario.cast.lives) :]
        return next((letter for letter in free if letter not in self._processes), "")

    def make(self, move: Move) -> Step:
        """Make a move and check every invariant. Raises ScheduleMismatch if the move is not possible."""
        self.moment = None
        if move.kind in MACHINE_FAULTS:
            return self._inject(move)
        letter = move.letter
        process = self._processes.get(letter)
        before = self._disk_before(letter, process) if self.judged and move.steps else None
        if move.kind in LIVES:
            process = self._start(move)
            step = Step(move, None, None, None, process.phase, None)
        elif move.steps:
            step = self._step(move, self._participants[letter]) if process else self._first_step(move)
        else:
            step = self._event(move)
        self._note(letter, move)
        self.trace.steps.append(step)
        if self.judged and self.trace.violation is None:
            self._check(step, before)
        return step

    def possible(self, move: Move) -> bool:
        """Whether a move seems possible now; a call may still turn out to block."""
        if move.kind in MACHINE_FAULTS:
            return True
        process = self._processes.get(move.letter)
        if move.kind in LIVES:
            return process is None and move.letter == self.next_letter()
        if process is None:
            return (move.steps or move.kind in SIGNALS) and move.letter in self.waiting()
        if move.steps:
            return can_step(process) if move.kind == STEP else can_fail(process, move.kind)
        return process.alive and (move.kind not in ENDS_OF_SERVE or can_exit(process))

    def upcoming(self, letter: str) -> Step | None:
        """The call that a process is about to make, as a step without an answer; None if it has ended.

        Raises ScheduleMismatch if there is no such process.
        """
        with self.begun(letter) as participant:
            process = participant.process
            if not process.alive or process.pending is None:
                return None
            path = participant.pending_path()
            return Step(Move(STEP, letter), process.pending, path, None, process.phase, None)

    @contextmanager
    def begun(self, letter: str) -> Iterator[Participant]:
        """A process; before its first turn it is started for this, and the start is undone."""
        known = self._participants.get(letter)
        participant = known or self._start_waiting(Move(STEP, letter))
        yield participant
        if known is None:
            self._undo_start(participant)

    def launch(self, letter: str, life: str, pid: int, start_ticks: int) -> Interpreter:
        """Start a process with a pid and a start time under a letter with no live process: a respawn."""
        before = self._processes.pop(letter, None)
        if before is not None:
            switch.unwind([before])
        process = new_process(self.subject, letter, life, self.kernel.machine)
        process.pid, process.start_ticks = pid, start_ticks
        return self._begin(process).process

    def _start(self, move: Move) -> Interpreter:
        free = self.next_letter()
        if move.letter != free:
            raise self._misfit(move, f"the next new process is {free}" if free else "all letters are taken")
        if runs_other(move.kind) and self.subject.other is None:
            raise self._misfit(move, "no other subject is named with --with")
        return self._spawn(move.letter, move.kind).process

    def _start_waiting(self, move: Move) -> Participant:
        """Start a process of the scenario for its first turn."""
        letter = move.letter
        if letter not in self.waiting():
            raise self._misfit(move, f"there is no process {letter}")
        return self._spawn(letter, self.scenario.cast.lives[LETTERS.index(letter)])

    def _first_step(self, move: Move) -> Step:
        """The first step of a process of the scenario; the start is undone if the step is not possible."""
        participant = self._start_waiting(move)
        try:
            return self._step(move, participant, begins=True)
        except ScheduleMismatch:
            self._undo_start(participant)
            raise

    def _step(self, move: Move, participant: Participant, *, begins: bool = False) -> Step:
        process = participant.process
        if not process.alive:
            raise self._misfit(move, f"{process.letter} has ended")
        if process.stopped:
            raise self._misfit(move, f"{process.letter} is stopped")
        participant.note_disk()
        fault = "" if move.kind == STEP else move.kind
        try:
            call, answer = make_step(participant, begins=begins, fault=fault)
        except CannotStep as why:
            raise self._misfit(move, str(why)) from None
        participant.note_answer(call, answer)
        return Step(move, call, participant.path, answer, process.phase, process.outcome)

    def _event(self, move: Move) -> Step:
        letter = move.letter
        known = self._participants.get(letter)
        if move.kind in SIGNALS and letter in self.waiting():
            known = self._start_waiting(move)
            if not known.handles(move.kind):
                self._undo_start(known)
                known = None
        if known is None or not known.process.alive:
            raise self._misfit(move, f"{letter} is not alive")
        process = known.process
        if move.kind in SIGNALS:
            known.send(move.kind)
        else:
            if not can_exit(process):
                raise self._misfit(move, f"{letter} {'is stopped' if process.stopped else 'does not serve'}")
            known.asked = move.kind
            known.tell(move.kind)
        return Step(move, None, None, None, process.phase, process.outcome)

    def _inject(self, move: Move) -> Step:
        """Inject a machine fault. The answer of a power loss is the disk before and after it."""
        before = self.kernel.disk() if move.kind == POWER_LOSS else None
        if move.kind in OF_A_PID and self._is_to_come(move):
            raise self._misfit(move, "only the pid of a process that has ended is free")
        if MACHINE_FAULTS[move.kind].aim is Aim.REST and not is_at_rest(self.kernel):
            raise self._misfit(move, "a process is at work")
        try:
            inject(self.kernel, move.kind, self.kernel.machine.aimed_at(move.letter, move.detail))
        except Impossible as why:
            raise self._misfit(move, str(why)) from None
        for participant in self._participants.values():
            participant.alone = False
            if participant.process.alive:
                participant.excuse = after_fault(move.kind, move.detail, participant.excuse)
        step = Step(move, None, None, before and (before, self.kernel.disk()), "", None)
        self.trace.steps.append(step)
        return step

    def _is_to_come(self, move: Move) -> bool:
        """Whether a pid is reserved for a process that has not had its first turn."""
        machine = self.kernel.machine
        index = machine.order_of(int(machine.aimed_at(move.letter, move.detail)))
        return index is not None and LETTERS[index] not in self._processes

    def _misfit(self, move: Move, why: str) -> ScheduleMismatch:
        done = self.trace.schedule or "the start"
        return ScheduleMismatch(
            f"{move} is not possible after {done}: {why}; possible: {self._options()}", why
        )

    def _options(self) -> str:
        options = [letter for letter, process in self._processes.items() if can_step(process)]
        options += self.waiting()[:1]
        for kind in ("crash", "exit"):
            moves = (Move(kind, letter) for letter in self._processes)
            options += [str(move) for move in moves if self.possible(move)]
        free = self.next_letter()
        return ", ".join([*options, *([f"start-{free}"] if free else []), "faults"])

    # -- the machinery under a step -----------------------------------------------------------------

    def _spawn(self, letter: str, life: str) -> Participant:
        return self._begin(new_process(self.subject, letter, life, self.kernel.machine))

    def _begin(self, process: Interpreter) -> Participant:
        letter = process.letter
        participant = self._participants[letter] = self.participant(self.kernel, process, self.views())
        process.boot = self.kernel.boots
        self._processes[letter] = process
        self.trace.lives[letter] = process.life
        self.trace.pids[letter] = process.pid
        participant.tell()
        return participant

    def _undo_start(self, participant: Participant) -> None:
        """Undo the start of a process that has not made a call yet."""
        letter = participant.process.letter
        del self._processes[letter], self.trace.lives[letter]
        del self.trace.pids[letter], self._participants[letter]
        unwind([participant.process])

    # -- the oracle -----------------------------------------------------------------------------------

    def _disk_before(self, letter: str, process: Interpreter | None) -> Disk | None:
        """The disk, if an invariant compares it before and after the next step of a process."""
        lives = dict(zip(LETTERS, self.scenario.cast.lives, strict=False))
        life, phase = (process.life, process.phase) if process else (lives.get(letter, "start"), STARTING)
        return self.kernel.disk() if needs_disk(plain(life), phase, self.kernel.is_planted()) else None

    def _note(self, letter: str, move: Move) -> None:
        """Note a move of a process: only one that makes a step of its own is ``alone`` any more."""
        for other, participant in self._participants.items():
            if other != letter or move.kind not in (STEP, *LIVES):
                participant.alone = False
        self._participants[letter].steps += move.steps

    def _check(self, step: Step, before: Disk | None) -> None:
        participant, disks = self._participants[step.move.letter], before and (before, self.kernel.disk())
        waits = waiting(participant, self._participants.values(), self.subject)
        if not self.referee and not waits and is_quiet(step.call, participant.view()):
            return
        self.moment = moment = Moment.just_after(
            step.move,
            step.call,
            step.answer,
            [view._replace(waits_in=waits.get(view.letter, "")) for view in self.views()],
            len(self.waiting()),
            disks=disks,
            target=participant.target if step.move.steps else None,
            locked=() if before is None else locked_by(self.kernel, participant.process),
        )
        if self.referee:
            self.broken = dict(all_broken(moment, self.not_offered)) | self.broken
            return
        broken = first_broken(moment, self.not_offered)
        if broken is not None and broken[0] in TOLD_APART:
            self.trace.apart = self.trace.apart or Violation(*broken)
        elif broken is not None:
            self.trace.violation = Violation(*broken)
            for letter, how in waits.items():
                next_ = self.upcoming(letter)
                assert next_ is not None and next_.call is not None
                self.trace.waits[letter] = next_ if how == next_.call.name else next_._replace(answer=how)

    def view(self, process: Interpreter) -> View:
        """A process as the invariants see it."""
        return self._participants[process.letter].view()

    def views(self) -> list[View]:
        """Every process that has had a turn, as the invariants see it."""
        return [self._participants[letter].view() for letter in self._processes]
