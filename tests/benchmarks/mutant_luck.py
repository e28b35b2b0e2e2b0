"""Measures how many Hypothesis machines it takes to find each mutant, with the examples of a CI run."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from stateful.model.families import TAMPERING
from stateful.model.standard import find_scenario
from stateful.protocol.mutant_table import MUTANTS, UNDER_SUPERVISORS
from stateful.protocol.subject import find_subject
from stateful.run.workers import in_parallel
from stateful.sample.invariant_violated import InvariantViolated
from stateful.sample.single_owner_machine import SingleOwnerMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from stateful.model.invariants import Invariant

SEEDS: Final = 20
EXAMPLES: Final = 1_000  # as of the profile ``ci``
MACHINE_STEP_COUNT: Final = 40


class LuckJob(NamedTuple):
    """A mutant to look for, and a seed."""

    name: str
    seed: int


class MachinesNeeded(NamedTuple):
    """How many machines a job took; None where no machine found the mutant."""

    job: LuckJob
    machines: int | None


class _Broken(Exception):
    """Ends a machine that broke what its mutant breaks."""


def machines_until_found(name: str, number: int, examples: int = EXAMPLES) -> int | None:
    """How many machines run, with a seed, until one breaks an invariant; None where none does.

    The reference breaks none, so whatever a mutant breaks is its mistake. Files are tampered with only where
    the mistake is about tampering: most mutants never promised to survive it.
    """
    machines = 0
    found = None

    class Machine(SingleOwnerMachine):
        tampering = bool(TAMPERING & {*find_scenario(MUTANTS[name].scenario).plan})

        def __init__(self) -> None:
            nonlocal machines
            machines += 1
            super().__init__()

        def check(self, is_true: Invariant) -> None:
            nonlocal found
            try:
                super().check(is_true)
            except InvariantViolated:
                found = found or machines
                raise _Broken from None  # The counterexample need not be minimised.

    machine: Any = Machine
    machine.subject = find_subject(name)
    with suppress(_Broken):
        run_state_machine_as_test(
            seed(number)(machine),
            settings=settings(
                max_examples=examples,
                stateful_step_count=MACHINE_STEP_COUNT,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    return found


def find_mutant(job: LuckJob, tell: Callable[[MachinesNeeded], None]) -> None:
    """Look for the mutant of a job, and tell how many machines that took."""
    tell(MachinesNeeded(job, machines_until_found(job.name, job.seed)))


def all_jobs(seeds: int = SEEDS) -> Iterator[LuckJob]:
    """Every mutant that the machine can express, with each of some seeds."""
    for number in range(seeds):
        yield from (LuckJob(name, number) for name in MUTANTS if name not in UNDER_SUPERVISORS)


def luck_lines(needed: Sequence[MachinesNeeded]) -> Iterator[str]:
    """Which mutants were missed, with which seeds, and how many were found."""
    missed: dict[str, list[int]] = {}
    for (name, number), machines in sorted(needed):
        if machines is None:
            missed.setdefault(name, []).append(number)
    for name, seeds in missed.items():
        yield f"{name} was missed with seed {', '.join(map(str, seeds))}"
    yield from (f"{name} was not looked for: the machine has no supervisors" for name in UNDER_SUPERVISORS)
    yield f"{sum(each.machines is not None for each in needed):,} of {len(needed):,} found"


def measure_luck(jobs: Iterable[LuckJob], workers: int) -> None:
    """Print how many machines each job takes, as each ends, and then the summary."""
    needed: list[MachinesNeeded] = []

    def hear(each: MachinesNeeded) -> None:
        needed.append(each)
        machines = "missed" if each.machines is None else each.machines
        print(f"seed {each.job.seed:>2}  {each.job.name:<34}{machines:>7}", flush=True)

    def lost(job: LuckJob, status: int | None) -> None:
        print(f"seed {job.seed:>2}  {job.name:<34}the worker ended with exit status {status}", flush=True)

    with suppress(KeyboardInterrupt):
        in_parallel(find_mutant, (), jobs, workers, hear, lost)
    print(*luck_lines(needed), sep="\n")
