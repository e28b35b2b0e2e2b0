"""What is drawn may happen, and nothing is drawn where nothing may."""

from __future__ import annotations

from random import Random

import pytest

from stateful.model.faults import CALL_FAULTS
from stateful.model.schedule import STEP, Move
from stateful.model.standard import EVERY, find_scenario
from stateful.protocol.subject import find_subject
from stateful.python.guard import Watchdog
from stateful.run.execution import Execution
from stateful.sample.random_faults import EXIT, FAMILIES, draw_next
from stateful.search.fault_moves import FAMILIES as SEARCHED

SEEDS = range(200)


def own(execution: Execution) -> None:
    execution.make(Move("start", "A"))
    while execution.possible(Move(STEP, "A")):
        execution.make(Move(STEP, "A"))


def drawn(execution: Execution, family: str) -> set[str]:
    """Whatever is drawn of a family, as a schedule says it."""
    return {" ".join(map(str, FAMILIES[family](execution, Random(seed)))) for seed in SEEDS}


def test_families_are_those_of_the_plans_and_the_exit() -> None:
    assert set(FAMILIES) == {*EVERY, "kill", EXIT}
    assert {*SEARCHED} <= set(FAMILIES)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_drawn_can_happen(family: str, seed: int) -> None:
    with Watchdog(), Execution(find_subject("direct-unlink"), find_scenario("any-stale")) as execution:
        own(execution)
        execution.make(Move("start", execution.next_letter()))
        moves = FAMILIES[family](execution, Random(seed))
        assert moves
        for move in moves:
            execution.make(move)


def test_nothing_is_drawn_where_nothing_may_happen() -> None:
    with Watchdog(), Execution(find_subject("direct-unlink"), find_scenario("two-starts-empty")) as execution:
        for family in (EXIT, "kill", "sigterm", "sigstop", "removal", "power-loss"):
            assert FAMILIES[family](execution, Random(1)) == ()


def test_errno_may_befall_who_has_not_begun() -> None:
    with Watchdog(), Execution(find_subject("direct-unlink"), find_scenario("two-starts-empty")) as execution:
        moves = drawn(execution, "errno")
    letters = {"A", "B"}
    assert {move.split("-")[1] for move in moves} == letters
    assert {move.split("-")[0] for move in moves} <= {*CALL_FAULTS}


def test_pid_is_given_away_when_its_process_dies_or_later() -> None:
    with Watchdog(), Execution(find_subject("direct-unlink"), find_scenario("any-stale")) as execution:
        own(execution)
        assert drawn(execution, "recycled-pid") == {
            *("crash-A recycle-A", "crash-A lookalike-A", "recycle-99", "lookalike-99"),
        }


def test_pid_is_not_given_away_again_at_the_same_tick_of_the_same_boot() -> None:
    with Watchdog(), Execution(find_subject("direct-unlink"), find_scenario("any-stale")) as execution:
        for life in ("A", "B"):
            execution.make(Move("start", life))
            execution.make(Move("reboot" if life == "A" else "crash", "" if life == "A" else "B"))
        assert drawn(execution, "recycled-pid") == {
            *("recycle-A", "lookalike-A", "recycle-99", "lookalike-99"),
        }


def test_next_of_a_plan_is_the_first_that_may_happen_and_is_struck_off() -> None:
    with Watchdog(), Execution(find_subject("direct-unlink"), find_scenario("any-stale")) as execution:
        plan = [EXIT, "kill", "reboot", "clock-step"]
        assert draw_next(execution, plan, Random(1)) == (Move("reboot"),)
        assert plan == [EXIT, "kill", "clock-step"]
        del plan[2]
        assert draw_next(execution, plan, Random(1)) == ()
        assert plan == [EXIT, "kill"]
