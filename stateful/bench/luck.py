"""Whether the Hypothesis machine finds the mutants by itself, as a CI run would look for them.

``python -m stateful.bench.luck`` looks for each with each of 20 seeds, on all cores, and prints how many
machines it took.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hypothesis import HealthCheck, Phase, reject, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from stateful.model.families import TAMPERING
from stateful.model.standard import find_scenario
from stateful.protocol.built_in import broken_by
from stateful.protocol.mutant_table import MUTANTS, UNDER_SUPERVISORS
from stateful.protocol.subject import find_subject
from stateful.run.workers import in_parallel
from stateful.sample.single_owner_machine import InvariantViolated, SingleOwnerMachine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stateful.model.schedule import Move

SEEDS: Final = 20
EXAMPLES: Final = 1_000  # as of the profile ``ci``
MACHINE_STEP_COUNT: Final = 20


class Look(NamedTuple):
    """A mutant to look for, and a seed."""

    name: str
    seed: int


class Seen(NamedTuple):
    """How many machines it took; None where none broke it."""

    job: Look
    machines: int | None


class _Found(Exception):
    """What a machine ends with that breaks what it should."""


def machines_until_found(name: str, number: int, examples: int = EXAMPLES) -> int | None:
    """How many machines it takes until one breaks what a mutant breaks, with a seed; None where none does.

    That is what the mutant names, or a consequence of it. An example that breaks anything else first is
    given up. Files are tampered with only where the mistake is about that: most mutants have never promised
    to survive it.
    """
    broken = {broken_by(name), *MUTANTS[name].also}
    machines = 0
    found = None

    class Machine(SingleOwnerMachine):
        tampering = bool(TAMPERING & {*find_scenario(MUTANTS[name].scenario).plan})

        def __init__(self) -> None:
            nonlocal machines
            machines += 1
            super().__init__()

        def _make(self, move: Move) -> bool:
            nonlocal found
            try:
                return super()._make(move)
            except InvariantViolated as violated:
                if violated.invariant not in broken:
                    reject()
                found = found or machines
                raise _Found from None  # It need not be made small.

    machine: Any = Machine
    machine.subject = find_subject(name)
    with suppress(_Found):
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


def look(job: Look, tell: Callable[[Seen], None]) -> None:
    """Look for a mutant with a seed."""
    tell(Seen(job, machines_until_found(job.name, job.seed)))


def lines(seen: Sequence[Seen]) -> Iterator[str]:
    """Which mutants were missed, with which seeds, and the sum."""
    missed: dict[str, list[int]] = {}
    for (name, number), machines in sorted(seen):
        if machines is None:
            missed.setdefault(name, []).append(number)
    for name, seeds in missed.items():
        yield f"{name} was missed with seed {', '.join(map(str, seeds))}"
    yield from (f"{name} was not looked for: the machine has no supervisors" for name in UNDER_SUPERVISORS)
    yield f"{sum(each.machines is not None for each in seen):,} of {len(seen):,} found"


def main() -> None:
    """Look for every mutant with every seed; a line for each as it comes, and the sum."""
    jobs = [
        Look(name, number) for number in range(SEEDS) for name in MUTANTS if name not in UNDER_SUPERVISORS
    ]
    seen: list[Seen] = []

    def hear(each: Seen) -> None:
        seen.append(each)
        machines = "missed" if each.machines is None else each.machines
        print(f"seed {each.job.seed:>2}  {each.job.name:<34}{machines:>7}", flush=True)

    def lost(job: Look, status: int | None) -> None:
        print(f"seed {job.seed:>2}  {job.name:<34}the worker ended with exit status {status}", flush=True)

    with suppress(KeyboardInterrupt):
        in_parallel(look, (), jobs, os.cpu_count() or 1, hear, lost)
    print(*lines(seen), sep="\n")


if __name__ == "__main__":
    main()
