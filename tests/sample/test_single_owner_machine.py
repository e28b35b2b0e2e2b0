"""The Hypothesis machine alone finds each historical mistake, by schedules as short as the search's."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, given, reject, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from stateful.model.faults import CALL_FAULTS, MACHINE_FAULTS
from stateful.model.scenario import Scenario
from stateful.model.schedule import Move
from stateful.model.standard import find_scenario
from stateful.model.trace import Trace
from stateful.report.text import trace_text
from stateful.sample.invariant_violated import InvariantViolated
from stateful.sample.single_owner_machine import SingleOwnerMachine
from stateful.verification.verification import verify

BROKEN = {
    "foreign-guard": "a_dead_owner_can_be_replaced",
    "direct-unlink": "at_most_one_owner",
    "guarded-lock": "a_dead_owner_can_be_replaced",
    "unlinked-lock": "at_most_one_owner",
}

CI = settings(
    settings.get_profile("ci"),
    derandomize=False,
    report_multiple_bugs=False,
    print_blob=False,
    suppress_health_check=list(HealthCheck),
)
# Without Hypothesis's own shrinking, to spare the default run the time: ours comes after it anyway.
QUICK = settings(CI, phases=[Phase.generate])
FEW_STEPS = 500


def find(subject: str, number: int, how: settings) -> Trace:
    """The smallest trace that a machine of starts finds with a seed.

    What else the subject breaks is passed over: where contenders all give up, one that is alone does too.
    """

    class Machine(SingleOwnerMachine):
        def lives(self) -> list[str]:
            return ["start"]

        def _make(self, move: Move) -> bool:
            try:
                return super()._make(move)
            except InvariantViolated as violated:
                if violated.invariant != BROKEN[subject]:
                    reject()
                raise

    Machine.subject = subject
    machine: Any = seed(number)(Machine)
    with pytest.raises(InvariantViolated) as caught:
        run_state_machine_as_test(machine, settings=how)
    return caught.value.smallest()


def assert_as_short_as_the_search(subject: str, trace: Trace) -> None:
    assert trace.violation is not None
    assert trace.violation.invariant == BROKEN[subject]
    searched = verify(subject, [find_scenario(trace.scenario)]).violations[BROKEN[subject]]
    # It may be shorter: on an odd disk the search has one start, and whoever else comes does so alone.
    assert trace.length <= searched.length
    assert trace.faults == searched.faults


@pytest.mark.parametrize("subject", (pytest.param("foreign-guard", marks=pytest.mark.long), "guarded-lock"))
def test_machine_alone_finds_it_as_short_as_the_search(subject: str) -> None:
    assert_as_short_as_the_search(subject, find(subject, 0, QUICK))


@pytest.mark.long
@pytest.mark.parametrize("number", range(20))
@pytest.mark.parametrize("subject", BROKEN)
def test_machine_alone_finds_it_with_every_seed(subject: str, number: int) -> None:
    assert_as_short_as_the_search(subject, find(subject, number, CI))


@pytest.mark.long
def test_text_of_the_exception_is_the_counterexample() -> None:
    trace = find("foreign-guard", 0, QUICK)
    error = InvariantViolated.__new__(InvariantViolated)
    error.smallest = lambda: trace  # type: ignore[method-assign]
    assert str(error) == "\n" + trace_text(trace)


def test_short_executions_are_made_once_while_hypothesis_varies_the_rest() -> None:
    drafts: list[str] = []

    class Machine(SingleOwnerMachine):
        subject = "guarded-lock"
        short_executions_steps = 60

        def lives(self) -> list[str]:
            return ["start"]

        def _execute_shortly(self, random: Random) -> None:
            drafts.append(str(random.getstate()[1][:3]))
            super()._execute_shortly(random)

        def _make(self, move: Move) -> bool:
            try:
                return super()._make(move)
            except InvariantViolated:
                return False

    machine: Any = seed(3)(Machine)
    run_state_machine_as_test(machine, settings=settings(QUICK, max_examples=60))
    assert all(one != other for one, other in pairwise(drafts))
    assert 5 < len(drafts) < 40


def test_machine_finds_nothing_in_the_reference() -> None:
    class Machine(SingleOwnerMachine):
        short_executions_steps = FEW_STEPS

    machine: Any = seed(1)(Machine)
    run_state_machine_as_test(machine, settings=settings(CI, max_examples=10))


class Careless(SingleOwnerMachine):
    """A machine that plays by hand, and begins with some 300 steps."""

    short_executions_steps = 300
    laid_out = 0

    def _lay_out(self, scenario: Scenario) -> None:
        super()._lay_out(scenario)
        self.laid_out += 1


ONCE = settings(QUICK, max_examples=1)  # Outside of a test Hypothesis takes no events.


@ONCE
@given(number=st.just(1))
def test_machine_begins_with_as_many_short_executions_as_make_its_steps(number: int) -> None:
    """The canary: what the short executions alone find would else be missed, and nobody would know."""
    machine = Careless()
    machine.begin(seed=number, random=Random(number))
    machine.teardown()
    assert machine.laid_out > 4


@ONCE
@given(number=st.just(1))
def test_fault_that_is_drawn_by_a_rule_happens(number: int) -> None:
    machine = Careless()
    machine.begin(seed=2 * number, random=Random(number))
    machine.spawn(life="start", syscalls=0)
    before = len(machine.execution.trace.steps)
    machine.strike(family="kill", random=Random(0))
    assert [step.move.kind for step in machine.execution.trace.steps[before:]] == ["crash"]
    machine.teardown()


@pytest.mark.long
def test_failure_that_hypothesis_explains_is_the_same_failure() -> None:
    how = settings(CI, phases=[Phase.generate, Phase.explain], max_examples=100)
    assert_as_short_as_the_search("foreign-guard", find("foreign-guard", 0, how))


class Tampered(SingleOwnerMachine):
    """Every fault, also files that are removed and corrupted between any two steps; counts what it does."""

    tampering = True
    short_executions_steps = FEW_STEPS
    moves: ClassVar[Counter[str]] = Counter()

    def _end(self) -> None:
        super()._end()
        self.moves.update(step.move.kind for step in self.execution.trace.steps)


def test_machine_finds_nothing_in_the_reference_whatever_the_world_does() -> None:
    before = Tampered.moves.copy()
    machine: Any = seed(1)(Tampered)
    run_state_machine_as_test(machine, settings=settings(CI, max_examples=10))
    struck = {*MACHINE_FAULTS, *CALL_FAULTS, "crash", "term", "sigstop"} - {"disk-well"}
    assert len(struck & {*(Tampered.moves - before)}) > 5


@pytest.mark.long
def test_reference_holds_in_a_hundred_thousand_steps_with_every_fault() -> None:
    class Machine(Tampered):
        short_executions_steps = SingleOwnerMachine.short_executions_steps

    before = Tampered.moves.total()
    machine: Any = seed(2)(Machine)
    run_state_machine_as_test(machine, settings=settings(CI, max_examples=500, stateful_step_count=30))
    assert Tampered.moves.total() - before > 100_000
    assert {*MACHINE_FAULTS} <= Tampered.moves.keys()
    assert {"eio", "enospc", "eacces", "emfile"} <= {*CALL_FAULTS} & Tampered.moves.keys()
