"""The effects of calls: each call is made on a real kernel once per distinct situation.

The effect of a call depends on the state that processes share and on the kernel state that only its caller
can see, and on nothing else. So the call is made once per such pair, on real files, in a kernel that is put
into that situation.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from stateful.kernel.failing_calls import fail
from stateful.kernel.kernel import Kernel
from stateful.kernel.machine_faults import Impossible, after_power_loss, inject
from stateful.kernel.process import Process
from stateful.kernel.restore import restore
from stateful.kernel.signals import take_signal
from stateful.model.call import Call
from stateful.model.faults import POWER_LOSS
from stateful.model.images import DiskImage
from stateful.python import simulation
from stateful.search.search_state import NOT_STARTED, Local, Numbers, State

RESTORED_BETWEEN_CHECKS: Final = 64


class Made(NamedTuple):
    """The effect of a call: its answer, the shared state, and the caller's own state if the caller lives."""

    answer: Any
    shared: int
    own: int
    alive: bool


class Calls:
    """The calls of processes on one machine, and the faults of that machine.

    Attributes:
        made: how many calls were made for real; the others were looked up.
        dated: whether the states have all times of files.
        start: the number of the initial shared state.
    """

    def __init__(
        self, disk: DiskImage, numbers: Numbers, *, loses_power: bool, remembers: bool = True
    ) -> None:
        self._remembers = remembers
        self.made = 0
        self.dated = False
        self._numbers = numbers
        self._disk = disk
        self._machine = disk.machine
        self._loses_power = loses_power
        self.open()
        self._known: dict[tuple[int, str, int, Hashable], Made] = {}
        self._faults: dict[tuple[int, str, str], int | None] = {}
        self.start = numbers.shared(self._kernel.shared_state())

    def date(self) -> None:
        """From now on the states have all times of files; what was made without them is forgotten."""
        self.dated = True
        self._known.clear()
        self._faults.clear()
        self._kernel.close()
        self._boot()
        self.start = self._numbers.shared(self._kernel.shared_state())

    def open(self) -> None:
        """Take a kernel and the entry points, as at first and again after ``close``."""
        self._boot()
        simulation.begin()

    def _boot(self) -> None:
        self._kernel = Kernel(self._disk.machine)
        self._kernel.dated = self.dated
        self._kernel.put(self._disk.files)
        if self._loses_power:
            self._kernel.keep_track()

    def close(self) -> None:
        """Release the kernel and the entry points; what was made is remembered."""
        try:
            self._kernel.close()
        finally:
            simulation.end()

    @contextmanager
    def making_anew(self) -> Iterator[None]:
        """Ignore the remembered calls inside this context."""
        known, self._known = self._known, {}
        try:
            yield
        finally:
            self._known = known | self._known

    def make(self, state: State, local: Local, call: Call, fault: str = "") -> Made:
        """Make a call of a process, or make it fail by a fault."""

        def act(process: Process) -> Any:
            if fault:
                return fail(self._kernel, process, call, fault)
            return self._kernel.perform(process, call)

        return self._once(state, local, (call, fault), act)

    def spawn(self, state: State, local: Local) -> Made:
        """Put a process into the process table."""
        return self._once(state, local, "spawn", lambda process: None)

    def deliver(self, state: State, local: Local) -> Made:
        """Remove the first pending signal of a process."""

        def act(process: Process) -> None:
            take_signal(self._kernel, process)

        return self._once(state, local, "deliver", act)

    def send(self, state: State, local: Local, number: int) -> Made:
        """Send a process a signal from outside."""
        return self._once(state, local, number, lambda process: self._kernel.send(process, number))

    def inject(self, state: State, kind: str, target: str) -> int | None:
        """The shared state after a machine fault; None if it is impossible."""
        key = (state.shared, kind, target)
        if key not in self._faults:
            self._faults[key] = self._inject(state, kind, target)
        return self._faults[key]

    def _once(self, state: State, local: Local, what: Hashable, act: Callable[[Process], Any]) -> Made:
        """The effect of an act by or on a process, looked up or else made."""
        key = (state.shared, local.letter, local.own, what)
        known = self._known.get(key)
        if known is None:
            known, touched_others = self._make(state, local, act)
            if self._remembers and not touched_others:
                self._known[key] = known
        return known

    def _make(self, state: State, local: Local, act: Callable[[Process], Any]) -> tuple[Made, bool]:
        """The effect of an act, and whether it ended another process, which depends on the others' states."""
        kernel = self._kernel
        self._restore(state)
        process = kernel.processes.get(local.letter)
        if process is None:
            process = kernel.processes[local.letter] = self._new_process(local.letter, local.life)
            kernel.processes = dict(sorted(kernel.processes.items()))
        others = [other for other in kernel.processes.values() if other is not process]
        answer = act(process)
        own = self._numbers.own(kernel.own_state(process)) if process.alive else NOT_STARTED
        made = Made(answer, self._numbers.shared(kernel.shared_state()), own, process.alive)
        return made, not all(other.alive for other in others)

    def _inject(self, state: State, kind: str, target: str) -> int | None:
        if kind == POWER_LOSS:
            without = after_power_loss(self._numbers.shared.values[state.shared], target, dated=self.dated)
            return None if without is None else self._numbers.shared(without)
        self._restore(state)
        try:
            inject(self._kernel, kind, target)
        except Impossible:
            return None
        return self._numbers.shared(self._kernel.shared_state())

    def _restore(self, state: State) -> None:
        """Put the kernel into a state."""
        self.made += 1
        values = [self._numbers.local.values[number] for number in state.locals]
        owns = {
            value.letter: self._numbers.own.values[value.own] for value in values if value.own != NOT_STARTED
        }
        shared = self._numbers.shared.values[state.shared]
        restore(self._kernel, shared, owns, self._new_process)
        if self.made % RESTORED_BETWEEN_CHECKS == 0:
            self._kernel.check()
            assert self._kernel.shared_state() == shared, "the kernel is not in the state it was put into"
            for process in self._kernel.processes.values():
                assert self._kernel.own_state(process) == owns[process.letter]

    def _new_process(self, letter: str, life: str) -> Process:
        return Process(letter, life, self._machine)
