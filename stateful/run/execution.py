"""One execution: a schedule made real, move by move, from a fresh kernel to a trace and a verdict.

This is the one step loop. Replay, exhaustive search and the Hypothesis machine differ only in who
chooses the next move.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, cast

from stateful.kernel.failing_calls import fail
from stateful.kernel.kernel import Kernel
from stateful.kernel.machine_faults import Impossible, inject
from stateful.model.call import BLOCKED, Call, Delivery, UnmodelledSyscall
from stateful.model.faults import CALL_FAULTS, MACHINE_FAULTS, OF_A_PID, POWER_LOSS, SIGNALS, after_fault
from stateful.model.invariants import first_broken
from stateful.model.life import plain, runs_other
from stateful.model.machine import FIRST_PID
from stateful.model.moment import Moment, View, is_quiet, needs_disk
from stateful.model.scenario import Scenario
from stateful.model.schedule import LETTERS, LIVES, STEP, Move, ScheduleMismatch
from stateful.model.signal_target import Target, target_of
from stateful.model.syscalls import SILENT, WAITS, descriptor, faults_of, sends_signal
from stateful.model.trace import Step, Trace, Violation
from stateful.protocol.subject import Subject
from stateful.python import interrupt, simulation, switch
from stateful.python.interpreter import Interpreter
from stateful.python.switch import bury
from stateful.run.circumstances import Circumstances
from stateful.run.running import LIMIT_SILENT_CALLS, can_exit, can_fail, can_step, new_process, run_to_call


class Execution:
    """A running simulation of a subject in a scenario; a context manager that leaves nothing behind."""

    def __init__(self, subject: Subject, scenario: Scenario, *, judged: bool = True) -> None:
        self.judged = judged
        self.subject = subject
        self.scenario = scenario
        other = subject.other.name if subject.other else None
        self.trace = Trace(subject.name, scenario.name, scenario.title, other)
        self._circumstances: dict[str, Circumstances] = {}
        self._target: Target | None = None
        self.kernel = Kernel(scenario.disk.machine)
        # Those of the kernel: whatever begins here is run by an interpreter.
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
        self.close()

    def close(self) -> None:
        """Unwind all processes, remove the temporary directory, give the entry points back."""
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
        """The invariants that the subject of some process says it does not keep: one breach is enough."""
        stated = (process.not_offered for process in self._processes.values())
        return self.scenario.not_owed(frozenset().union(*stated))

    def processes(self) -> dict[str, Interpreter]:
        return self._processes

    def waiting(self) -> list[str]:
        """The letters of the scenario's processes that have not had a turn."""
        lives = self.scenario.cast.lives
        return [letter for letter in LETTERS[: len(lives)] if letter not in self._processes]

    def next_letter(self) -> str:
        """The name of the next process beyond the scenario's own; empty where all are taken."""
        free = LETTERS[len(self.scenario.cast.lives) :]
        return next((letter for letter in free if letter not in self._processes), "")

    def make(self, move: Move) -> Step:
        """Make a move and check every invariant. Raises ScheduleMismatch where it is not possible."""
        if move.kind in MACHINE_FAULTS:
            return self._upset(move)
        letter = move.letter
        process = self._processes.get(letter)
        before = self._target = None
        if self.judged and move.steps and process and needs_disk(plain(process.life), process.phase):
            before = self.kernel.disk()
        if move.kind in LIVES:
            process = self._start(move)
            step = Step(move, None, None, None, process.phase, None)
        elif move.steps:
            step = self._step(move, process) if process else self._first_step(move)
            process = self._processes[letter]
            circumstances = self._circumstances[letter]
            circumstances.excuse = circumstances.excuse.after_move(self.kernel.disk_fails())
        else:
            if process is None or not process.alive:
                raise self._misfit(move, f"{letter} is not alive")
            step = self._event(move, process)
        steps = self._note(letter, move)
        self.trace.steps.append(step)
        quiet = is_quiet(plain(process.life), step.phase, step.outcome is not None, steps)
        if self.judged and (not quiet or self._target is not None) and self.trace.violation is None:
            self._check(step, process, before)
        return step

    def possible(self, move: Move) -> bool:
        """Whether a move can be made now, as far as can be told without making it."""
        if move.kind in MACHINE_FAULTS:
            return True
        process = self._processes.get(move.letter)
        if move.kind in LIVES:
            return process is None and move.letter == self.next_letter()
        if process is None:
            return move.steps and move.letter in self.waiting()
        if move.kind in CALL_FAULTS:
            return can_fail(process, move.kind)
        if move.kind == STEP:
            return can_step(process)
        return process.alive and (move.kind != "exit" or can_exit(process))

    def upcoming(self, letter: str) -> Step | None:
        """The call that a process is about to make, as a step without an answer; None where it has ended.

        Where it has not had its first turn it is looked at for this, and never was there. Raises
        ScheduleMismatch where there is no such process.
        """
        known = self._processes.get(letter)
        process = known or self._start_waiting(Move(STEP, letter))
        call = process.pending
        step = None
        if process.alive and call is not None:
            step = Step(Move(STEP, letter), call, _path(process, call), None, process.phase, None)
        if known is None:
            self._take_back(process)
        return step

    def launch(self, letter: str, life: str, pid: int, start_ticks: int) -> Interpreter:
        """Start a process under a letter of which none lives, as a supervisor does, with an identity."""
        before = self._processes.pop(letter, None)
        if before is not None:
            switch.bury([before])
        process = new_process(self.subject, letter, life, self.kernel.machine)
        process.pid, process.start_ticks = pid, start_ticks
        return self._begin(process)

    def _start(self, move: Move) -> Interpreter:
        free = self.next_letter()
        if move.letter != free:
            raise self._misfit(move, f"the next new process is {free}" if free else "all letters are taken")
        if runs_other(move.kind) and self.subject.other is None:
            raise self._misfit(move, "no other subject is named with --with")
        return self._spawn(move.letter, move.kind)

    def _start_waiting(self, move: Move) -> Interpreter:
        """A process of the scenario has its first turn."""
        letter = move.letter
        if letter not in self.waiting():
            raise self._misfit(move, f"there is no process {letter}")
        return self._spawn(letter, self.scenario.cast.lives[LETTERS.index(letter)])

    def _first_step(self, move: Move) -> Step:
        """The first step of a process of the scenario. To begin is one, where it has nothing else to do."""
        process = self._start_waiting(move)
        if move.kind == STEP and process.pending is not None and process.pending.name in WAITS:
            return Step(move, process.pending, None, None, process.phase, None)
        try:
            if move.kind in CALL_FAULTS and not can_fail(process, move.kind):
                raise self._misfit(move, f"the first call of {move.letter} cannot fail so")
            return self._step(move, process)
        except ScheduleMismatch:
            self._take_back(process)
            raise

    def _step(self, move: Move, process: Interpreter) -> Step:
        if not process.alive:
            raise self._misfit(move, f"{process.letter} has ended")
        if process.stopped:
            raise self._misfit(move, f"{process.letter} is stopped")
        circumstances = self._circumstances[process.letter]
        waited, delivery = process.pending, None
        if process.signals:
            delivery = Delivery(process.signals.pop(0))
            circumstances.asked = circumstances.asked or "signal"
            self._resume(process, delivery)
            if waited is not None and waited.name in WAITS:
                return Step(move, waited, None, delivery, process.phase, process.outcome)
        call = process.pending
        assert call is not None
        path = _path(process, call)
        if sends_signal(call):
            people = {letter: each for letter, each in self._processes.items() if each.alive}
            strangers = self.kernel.strangers.values()
            self._target = target_of(people, self.kernel.disk(), strangers, process.letter, call, path)
        if move.kind == STEP:
            answer = self.kernel.perform(process, call)
        elif delivery is None and move.kind in faults_of(call):
            answer = fail(self.kernel, process, call, move.kind)
            circumstances.excuse = after_fault(move.kind, "", circumstances.excuse)
        else:
            raise self._misfit(move, f"{call.name}() cannot fail so")
        if answer is BLOCKED and delivery is not None:
            return Step(move, call, path, delivery, process.phase, process.outcome)
        if answer is BLOCKED:
            raise self._misfit(move, f"{process.letter} waits in {call.name}()")
        if process.alive:
            self._resume(process, answer)
        return Step(move, call, path, answer, process.phase, process.outcome)

    def _event(self, move: Move, process: Interpreter) -> Step:
        circumstances = self._circumstances[process.letter]
        if move.kind in SIGNALS:
            if move.kind == "term" and circumstances.asked != "exit":
                circumstances.asked = "term"
            self.kernel.send(process, SIGNALS[move.kind])
        else:
            if not can_exit(process):
                doing = "is stopped" if process.stopped else "does not serve"
                raise self._misfit(move, f"{move.letter} {doing}")
            circumstances.asked = "exit"
            self._resume(process, "exit")
        return Step(move, None, None, None, process.phase, process.outcome)

    def _upset(self, move: Move) -> Step:
        """Let a fault of the machine happen. A power loss answers what the disk was, and what is left."""
        before = self.kernel.disk() if move.kind == POWER_LOSS else None
        if move.kind in OF_A_PID and self._is_to_come(move):
            raise self._misfit(move, "only the pid of a process that has ended is free")
        try:
            inject(self.kernel, move.kind, self._whom(move))
        except Impossible as why:
            raise self._misfit(move, str(why)) from None
        for letter, circumstances in self._circumstances.items():
            circumstances.alone = False
            if self._processes[letter].alive:
                circumstances.excuse = after_fault(move.kind, move.detail, circumstances.excuse)
        answer = None if before is None else (before, self.kernel.disk())
        step = Step(move, None, None, answer, "", None)
        self.trace.steps.append(step)
        return step

    def _is_to_come(self, move: Move) -> bool:
        """Whether a pid is kept for a process that has not had its first turn."""
        index = LETTERS.index(move.letter) if move.letter else int(move.detail) - FIRST_PID
        return index >= 0 and LETTERS[index : index + 1] not in self._processes

    def _whom(self, move: Move) -> str:
        return str(FIRST_PID + LETTERS.index(move.letter)) if move.letter else move.detail

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

    def _spawn(self, letter: str, life: str) -> Interpreter:
        return self._begin(new_process(self.subject, letter, life, self.kernel.machine))

    def _begin(self, process: Interpreter) -> Interpreter:
        letter = process.letter
        company = [other for other in self._processes.values() if other.alive]
        frozen = bool(company) and all(other.stopped for other in company)
        self._circumstances[letter] = Circumstances(tuple(other.letter for other in company), frozen)
        process.boot = self.kernel.boots
        self._processes[letter] = process
        self.trace.lives[letter] = process.life
        self.trace.pids[letter] = process.pid
        self._resume(process)
        return process

    def _take_back(self, process: Interpreter) -> None:
        """A process that has made no call was never there."""
        del self._processes[process.letter], self.trace.lives[process.letter]
        del self.trace.pids[process.letter], self._circumstances[process.letter]
        bury([process])

    def _resume(self, process: Interpreter, *answer: Any) -> None:
        """Run a process to its next call that is a step, making the silent calls on the way."""
        process.pending = run_to_call(process, *answer)
        for _ in range(LIMIT_SILENT_CALLS):
            if process.pending.name not in SILENT:
                return
            process.pending = run_to_call(process, self.kernel.perform(process, process.pending))
        raise UnmodelledSyscall(f"the subject made {LIMIT_SILENT_CALLS} calls that are no step in a row")

    # -- the oracle -----------------------------------------------------------------------------------

    def _note(self, letter: str, move: Move) -> int:
        """Note that a process has moved, beside the others; how many steps it has made."""
        for other, circumstances in self._circumstances.items():
            if other != letter:
                circumstances.alone = False
        self._circumstances[letter].steps += move.steps
        return self._circumstances[letter].steps

    def _check(self, step: Step, process: Interpreter, before: Any) -> None:
        after = self.kernel.disk() if before is not None else None
        views = [self.view(each) for each in self._processes.values()]
        actor = next(view for view in views if view.letter == process.letter)
        moment = Moment(
            step.move, actor, step.call, step.answer, before, after, views, len(self.waiting()), self._target
        )
        broken = first_broken(moment, self.not_offered)
        if broken is not None:
            self.trace.violation = Violation(*broken)

    def view(self, process: Interpreter) -> View:
        """A process as the invariants see it."""
        return self._circumstances[process.letter].view(process)


def _path(process: Interpreter, call: Call) -> str | None:
    """The virtual path that the descriptor argument of a call stands for."""
    fd = descriptor(call)
    file = None if fd is None else process.fds.get(fd)
    return None if file is None else file.path
