"""Measures the speed of simulated processes: the search, the Hypothesis machine, one step."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from stateful.model.lifecycle import OWNER
from stateful.model.scenario import Scenario
from stateful.model.schedule import STEP, Move
from stateful.model.standard import find_scenario
from stateful.python.guard import Watchdog
from stateful.run.examine import examine
from stateful.run.execution import Execution
from stateful.sample.single_owner_machine import SingleOwnerMachine
from stateful.search.explorer import Explorer
from stateful.search.memory import Memory
from stateful.search.result import Result
from stateful.search.search_state import Effect, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from stateful.protocol.subject import Subject

ONE_START = "one-start-stale"
MACHINE_STEP_COUNT = 20


class _CountingMemory(Memory):
    steps = 0

    def effect(self, state: State, move: Move) -> Effect | None:
        self.steps += 1
        return super().effect(state, move)


@dataclass
class SearchCost:
    """What the searches of one subject took.

    Attributes:
        results: by scenario; the seconds of a scenario with kills include the search without them.
        steps: how many steps were followed, remembered ones included.
        calls: how many calls were made for real.
        processor_s: the processor time of this process.
    """

    results: list[Result] = field(default_factory=list)
    states: int = 0
    steps: int = 0
    calls: int = 0
    seconds: float = 0.0
    processor_s: float = 0.0


def measure_search(subject: Subject, scenarios: Sequence[Scenario], total: SearchCost) -> list[Result]:
    """Search the scenarios of one cast on one disk with an empty memory, and add the cost to a total."""
    offer = examine(subject)
    memory = _CountingMemory(subject, scenarios[0].disk)
    started, processor_started = time.perf_counter(), time.process_time()
    try:
        with Watchdog():
            results = list(Explorer(offer, list(scenarios), memory).run())
    finally:
        memory.close()
    total.seconds += time.perf_counter() - started
    total.processor_s += time.process_time() - processor_started
    total.results += results
    total.states += results[-1].states
    total.steps += memory.steps
    total.calls += memory.calls.made
    return results


@dataclass
class StepCost:
    """Pairs of measurements of one subject's start, bare and simulated; seconds for each step."""

    bare: list[float] = field(default_factory=list)
    simulated: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        return median(ours / theirs for ours, theirs in zip(self.simulated, self.bare, strict=True))


def add_pairs(subject: Subject, pairs: int, cost: StepCost, bare: Connection) -> None:
    """Measure a bare start and a simulated one, right after each other, some more times.

    ``bare`` leads to another Python that times bare starts.
    """
    for _ in range(pairs):
        bare.send(subject)
        seconds = bare.recv()
        _simulated_start(subject)  # The first start wakes the processor up, as in the other Python.
        steps, simulated = _simulated_start(subject)
        cost.bare.append(seconds / steps)
        cost.simulated.append(simulated)


def _simulated_start(subject: Subject) -> tuple[int, float]:
    """How many steps a start takes, and the seconds of one; the first step, an import, is not timed."""
    move = Move(STEP, "A")
    with Watchdog(), Execution(subject, find_scenario(ONE_START)) as execution:
        execution.make(move)
        process = execution.processes()["A"]
        started = time.perf_counter()
        steps = 0
        while process.phase != OWNER:
            execution.make(move)
            steps += 1
        return steps + 1, (time.perf_counter() - started) / steps


@dataclass
class MachineCost:
    """What the Hypothesis machine did; machines that Hypothesis gave up count too."""

    machines: int = 0
    steps: int = 0
    seconds: float = 0.0


def measure_machine(subject: Subject, examples: int) -> MachineCost:
    """Run the machine on a subject that holds; the examples are always the same, and none is stored."""
    done = MachineCost()

    class Machine(SingleOwnerMachine):
        def teardown(self) -> None:
            super().teardown()
            done.machines += 1
            done.steps += len(self.execution.trace.steps)

    machine: Any = Machine
    machine.subject = subject
    started = time.perf_counter()
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=MACHINE_STEP_COUNT,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    done.seconds = time.perf_counter() - started
    return done
