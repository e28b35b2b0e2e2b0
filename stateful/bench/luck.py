"""Whether the Hypothesis machine finds a mutant by the invariant it names, as a CI run would look for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hypothesis import HealthCheck, Phase, reject, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from stateful.built_in import broken_by
from stateful.deciders.machine import InvariantViolated, SingleOwnerMachine
from stateful.mutants import MUTANTS
from stateful.scenario import MEDDLING, find_scenario
from stateful.subject import find_subject

if TYPE_CHECKING:
    from stateful.schedule import Move

EXAMPLES: Final = 1_000  # as of the profile ``ci``
MACHINE_STEP_COUNT: Final = 20


def is_found(name: str, number: int, examples: int = EXAMPLES) -> bool:
    """Whether the machine breaks what a mutant breaks, with a seed: what it names, or a consequence of that.

    An example that breaks anything else first is given up. Somebody meddles only where the mistake is about
    that: most mutants have never promised to survive it.
    """
    broken = {broken_by(name), *MUTANTS[name].also}

    class Machine(SingleOwnerMachine):
        meddling = bool(MEDDLING & {*find_scenario(MUTANTS[name].scenario).plan})

        def _make(self, move: Move) -> bool:
            try:
                return super()._make(move)
            except InvariantViolated as violated:
                if violated.invariant not in broken:
                    reject()
                raise

    machine: Any = Machine
    machine.subject = find_subject(name)
    try:
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
    except InvariantViolated:
        return True
    return False
