"""The Hypothesis machine: its rules, its invariants, what it finds, and how it prints that."""

from __future__ import annotations

import ast
import inspect
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from stateful.model.faults import FAULTS
from stateful.model.invariants import INVARIANTS
from stateful.model.schedule import Move
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.python.interpreter import Interpreter
from stateful.run import execution
from stateful.run.examine import examine
from stateful.run.execution import Execution
from stateful.sample import execution_machine
from stateful.sample.aside import Aside
from stateful.sample.invariant_violated import InvariantViolated
from stateful.sample.single_owner_machine import SingleOwnerMachine
from stateful.search.explorer import Explorer
from stateful.search.memory import Memory

PLANTED = Path(__file__).parents[1] / "planted"
# Planted mistakes of one invariant each, and the machines in which some seed finds it.
OF_AN_INVARIANT = {
    "takes_errors_for_free": "at_most_one_owner",
    "trusts_the_record": "only_documented_errors",
    "scans_kinds": "a_dead_owner_can_be_replaced",
    "gives_up_after_term": "some_contender_wins",
    "spares_the_stopped": "a_stopped_owner_can_be_replaced",
    "spins": "a_dead_owner_can_be_replaced",
    "record_after_start": "a_live_owner_is_discoverable",
    "reader_touches": "readers_change_nothing",
    "signals_whoever_has_the_pid": "only_the_owner_is_signalled",
    "exits_1_when_replaced": "a_replaced_owner_exits_clean",
    "victim_removes_successor": "release_removes_only_own_record",
    "raises_out": "an_answer_was_true_at_some_moment",
}
QUICK = ("record_after_start", "scans_kinds")
SHRINKS = [Phase.generate, Phase.shrink]

CI = settings(
    max_examples=1_000,
    stateful_step_count=40,
    deadline=None,
    derandomize=False,
    database=None,
    report_multiple_bugs=False,
    print_blob=False,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)


def run(machine: type[SingleOwnerMachine], number: int, **how: Any) -> None:
    seeded: Any = seed(number)(machine)
    run_state_machine_as_test(seeded, settings=settings(CI, **how))


def failure(machine: type[SingleOwnerMachine], number: int, **how: Any) -> InvariantViolated:
    with pytest.raises(InvariantViolated) as caught:
        run(machine, number, **how)
    return caught.value


def machine_of(name: str) -> type[SingleOwnerMachine]:
    class Machine(SingleOwnerMachine):
        subject = name

    return Machine


# -- what the class says ---------------------------------------------------------------------------------


def test_class_has_each_invariant() -> None:
    names = [each.function.__name__ for each in SingleOwnerMachine.setup_state().invariants]
    assert sorted(names) == sorted(invariant.__name__ for invariant in INVARIANTS)


def test_class_has_a_rule_for_each_fault() -> None:
    """Its moves are named as the faults are; errors of calls are drawn from those that may happen."""
    tree = ast.parse(inspect.getsource(inspect.getmodule(SingleOwnerMachine)))  # type: ignore[arg-type]
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    constants = {"power-loss", "disk-well", "listing", "term-in", "int-in"}
    missing = {name for name, row in FAULTS.items() if row.aim.name != "CALL"} - words - constants
    assert missing == {name for name in missing if FAULTS[name].family == "errno"}


def test_file_is_short() -> None:
    source = inspect.getsource(inspect.getmodule(SingleOwnerMachine))  # type: ignore[arg-type]
    assert source.count("\n") <= 300


# -- what it finds ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("claim-after-start", 1),
        pytest.param("both-give-up", 1, marks=pytest.mark.long),
        pytest.param("direct-unlink", 2, marks=pytest.mark.long),
    ],
)
def test_schedule_is_as_short_as_that_of_the_search(name: str, number: int) -> None:
    smallest = failure(machine_of(name), number, phases=SHRINKS).smallest()
    assert smallest.violation is not None
    subject, scenario = find_subject(name), find_scenario(smallest.scenario)
    assert len(scenario.cast.lives) == 2
    with closing(Memory(subject, scenario.disk)) as memory:
        (result,) = Explorer(examine(subject), [scenario], memory).run()
    assert len(smallest.moves) <= len(result.violations[smallest.violation.invariant].moves)


@pytest.mark.parametrize(
    "name",
    [
        *QUICK,
        *(pytest.param(name, marks=pytest.mark.long) for name in OF_AN_INVARIANT if name not in QUICK),
    ],
)
def test_invariant_is_checked_by_itself(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The step loop finds nothing here, and the machine fails all the same."""
    monkeypatch.setattr(execution, "first_broken", lambda *args: None)
    invariant = OF_AN_INVARIANT[name]

    class Machine(SingleOwnerMachine):
        subject = str(PLANTED / f"{name}.py")

        def check(self, is_true: Any) -> None:
            if is_true.__name__ == invariant:
                super().check(is_true)

    error = failure(Machine, 1, max_examples=500, phases=[Phase.generate])
    assert error.invariant == invariant


def test_invariant_looks_at_each_moment_of_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Played by hand: the step loop finds nothing here, and no question is asked."""
    monkeypatch.setattr(execution, "first_broken", lambda *args: None)
    monkeypatch.setattr(Aside, "ask", lambda self, execution: {})
    machine = machine_of("no-check")()
    machine.begin(disk="empty", owner=True, faults="none")
    machine.at_most_one_owner()
    machine.start(turn="to its end")
    with pytest.raises(InvariantViolated):
        machine.at_most_one_owner()
    machine.teardown()


def test_answer_is_shown_however_many_faults_there_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """The question kills a process that is only starting, after as many kills as there may be."""
    monkeypatch.setattr(execution_machine, "MOST_FAULTS", 1)
    machine = machine_of("exit-skips-handlers")()
    machine.begin(disk="nameless", owner=False, faults="all")
    machine.sigkill(machine.start(turn=1))
    machine.start(turn=1)
    with pytest.raises(InvariantViolated) as caught:
        machine.a_dead_owner_can_be_replaced()
    assert caught.value.trace.moves[-1].kind == "step"
    assert [move.kind for move in caught.value.trace.moves].count("crash") == 2
    machine.teardown()


def test_question_is_asked_aside() -> None:
    """The execution goes on as if it had not been asked, and what was learnt is known in the next machine."""
    subject = find_subject("foreign-guard")
    machine = machine_of("foreign-guard")()
    aside = Aside(subject, machine._offer)
    with Execution(subject, find_scenario("any-stale")) as one:
        before = one.kernel.shared_state(), len(one.trace.steps)
        found = aside.ask(one)
        assert (one.kernel.shared_state(), len(one.trace.steps)) == before
        for move in found["a_dead_owner_can_be_replaced"]:
            one.make(move)
        assert one.violation is not None
    aside.close()
    machine.teardown()


class Everything(SingleOwnerMachine):
    """Every fault, also files that are removed and corrupted between any two steps; counts what it does."""

    tampering = True
    moves: ClassVar[Counter[str]] = Counter()

    def teardown(self) -> None:
        super().teardown()
        self.moves.update(step.move.kind for step in self.execution.trace.steps)


def test_machine_finds_nothing_in_the_reference_whatever_the_world_does() -> None:
    before = Everything.moves.copy()
    run(Everything, 1, max_examples=10, stateful_step_count=16)
    assert len({*FAULTS} & {*(Everything.moves - before)}) > 5


@pytest.mark.long
@pytest.mark.parametrize("profile", ("ci", "thorough"))
def test_reference_passes(profile: str) -> None:
    how = settings.get_profile(profile)
    before = Everything.moves.copy()
    for machine in (SingleOwnerMachine, Everything):
        run(machine, 1, max_examples=how.max_examples, stateful_step_count=how.stateful_step_count)
    made = {FAULTS[kind].family for kind in Everything.moves - before if kind in FAULTS}
    assert {fault.family for fault in FAULTS.values()} <= made


# -- subclasses ------------------------------------------------------------------------------------------


class Narrow(SingleOwnerMachine):
    """Starts and kills alone."""

    subject = "unlinked-lock"

    def lives(self) -> list[str]:
        return ["start"]

    def families(self) -> list[str]:
        return ["kill"]


def test_subclass_may_narrow_what_happens() -> None:
    """What an invariant asks aside is not narrowed: a query shows that nobody finds the owner."""
    kinds: set[str] = set()
    lives: set[str] = set()

    class Recorded(Narrow):
        def spawn(self, life: str, turn: int | str) -> Interpreter:
            lives.add(life)
            return super().spawn(life, turn)

        def make(self, move: Move) -> bool:
            kinds.add(move.kind)
            return super().make(move)

    failure(Recorded, 0, max_examples=200, phases=[Phase.generate])
    assert lives == {"start"}
    assert kinds <= {"start", "step", "crash", "exit", "disk-well", "sigcont", "status", "peek"}


def test_machine_of_two_subjects_starts_processes_of_both() -> None:
    lives: set[str] = set()

    class Mixed(SingleOwnerMachine):
        subject = find_subject("reference", "reference-status")

        def spawn(self, life: str, turn: int | str) -> Interpreter:
            lives.add(life)
            return super().spawn(life, turn)

        def lives(self) -> list[str]:
            return ["start", "other-start"]

    run(Mixed, 1, max_examples=4, stateful_step_count=15, phases=[Phase.generate])
    assert {"start", "other-start"} <= lives


def test_subclass_of_readme_runs() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    code = next(part for part in readme.split("```") if "class Restarts" in part).removeprefix("python\n")
    names: dict[str, Any] = {"__name__": __name__}
    exec(code.replace("ourpackage.gateway.status", "reference"), names)
    kinds: set[str] = set()

    class Recorded(names["Restarts"]):  # type: ignore[misc]
        def make(self, move: Move) -> bool:
            kinds.add(move.kind)
            return bool(super().make(move))

    run(Recorded, 0, max_examples=3, stateful_step_count=20, phases=[Phase.generate])
    assert (
        {"start", "step", "crash"}
        <= kinds
        <= {"start", "replace", "step", "crash", "exit", "recycle", "lookalike"}
    )


def test_machine_goes_on_when_no_process_may_start_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution_machine, "MOST_PROCESSES", 2)

    class Machine(Narrow):
        subject = "reference"

    run(Machine, 0, max_examples=5, stateful_step_count=30, phases=[Phase.generate])
