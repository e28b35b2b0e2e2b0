"""Calls on a real kernel, each made once from each distinct situation.

What a call does depends on the state that processes share and on what only its caller can see of the
kernel, and on nothing else. So the real call is made once per such pair, on real files in a kernel that is
put into it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from stateful.kernel.failing_calls import fail
from stateful.kernel.kernel import Kernel
from stateful.kernel.machine_faults import Impossible, after_power_loss, inject
from stateful.kernel.process import Process
from stateful.kernel.restore import restore
from stateful.model.call import Call
from stateful.model.faults import POWER_LOSS
from stateful.model.images import DiskImage
from stateful.python import simulation
from stateful.search.search_state import UNBORN, Local, Numbers, State


class Made(NamedTuple):
    """What a call came to: its answer, the shared state and the caller's own state after it, if it lives."""

    answer: Any
    shared: int
    own: int
    alive: bool


class Calls:
    """The calls of processes on one machine, and the faults of that machine.

    Attributes:
        made: how many were made for real; the others were remembered.
        start: the number of the shared state that they begin with.
    """

    def __init__(self, disk: DiskImage, numbers: Numbers, *, loses_power: bool) -> None:
        self.made = 0
        self._numbers = numbers
        self._machine = disk.machine
        self._kernel = Kernel(disk.machine)
        simulation.begin()
        self._kernel.put(disk.files)
        if loses_power:
            self._kernel.keep_track()
        self._known: dict[tuple[int, str, int, Call, str], Made] = {}
        self._faults: dict[tuple[int, str, str], int | None] = {}
        self.start = numbers.shared(self._kernel.shared_state())

    def close(self) -> None:
        """Give the kernel back, and the entry points."""
        try:
            self._kernel.close()
        finally:
            simulation.end()

    def make(self, state: State, local: Local, call: Call, fault: str = "") -> Made:
        """Make a call of a process, or have it fail by a fault."""
        key = (state.shared, local.letter, local.own, call, fault)
        known = self._known.get(key)
        if known is None:
            known, touched_others = self._make(state, local, call, fault)
            if not touched_others:
                self._known[key] = known
        return known

    def strike(self, state: State, kind: str, whom: str) -> int | None:
        """The shared state after a fault of the machine; None where it cannot happen."""
        key = (state.shared, kind, whom)
        if key not in self._faults:
            self._faults[key] = self._strike(state, kind, whom)
        return self._faults[key]

    def _make(self, state: State, local: Local, call: Call, fault: str) -> tuple[Made, bool]:
        """What comes of a call, and whether it ended anybody else: that depends on what they are."""
        kernel = self._kernel
        self._restore(state)
        answer: Any = None
        if call.name == "spawn":
            kernel.processes[local.letter] = self._new_process(local.letter, local.life)
            kernel.processes = dict(sorted(kernel.processes.items()))
        process = kernel.processes[local.letter]
        others = [other for other in kernel.processes.values() if other is not process]
        if call.name == "deliver":
            process.signals.pop(0)
        elif call.name == "be sent":
            kernel.send(process, call.args[0])
        elif fault:
            answer = fail(kernel, process, call, fault)
        elif call.name != "spawn":
            answer = kernel.perform(process, call)
        own = self._numbers.own(kernel.own_state(process)) if process.alive else UNBORN
        made = Made(answer, self._numbers.shared(kernel.shared_state()), own, process.alive)
        return made, not all(other.alive for other in others)

    def _strike(self, state: State, kind: str, whom: str) -> int | None:
        if kind == POWER_LOSS:
            without = after_power_loss(self._numbers.shared.values[state.shared], whom)
            return None if without is None else self._numbers.shared(without)
        self._restore(state)
        try:
            inject(self._kernel, kind, whom)
        except Impossible:
            return None
        return self._numbers.shared(self._kernel.shared_state())

    def _restore(self, state: State) -> None:
        """Bring the kernel into a state."""
        self.made += 1
        values = [self._numbers.local.values[number] for number in state.locals]
        owns = {value.letter: self._numbers.own.values[value.own] for value in values if value.own != UNBORN}
        restore(self._kernel, self._numbers.shared.values[state.shared], owns, self._new_process)

    def _new_process(self, letter: str, life: str) -> Process:
        return Process(letter, life, self._machine)
