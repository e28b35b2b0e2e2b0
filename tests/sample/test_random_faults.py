"""Every fault that is drawn is possible, and none is drawn if none is possible."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from stateful.model.families import FAMILIES, fault_moves
from stateful.model.faults import CALL_FAULTS
from stateful.model.schedule import EXIT, STEP, Move, ScheduleMismatch, parse_schedule
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.python.guard import Watchdog
from stateful.run.execution import Execution
from stateful.run.presence import ExecutionWorld
from stateful.sample.random_faults import EVENTS, draw, draw_next

SEEDS = range(200)
FOLDER_LOCK = """
import os


def gateway(home, serve):
    os.mkdir(home / "lock")
    with open(home / "lock" / "pid", "w") as file:
        file.write(str(os.getpid()))
    serve()
"""


def own(execution: Execution) -> None:
    execution.make(Move("start", "A"))
    while execution.possible(Move(STEP, "A")):
        execution.make(Move(STEP, "A"))


def drawn(execution: Execution, family: str) -> set[str]:
    """Whatever is drawn of a family, as a schedule says it."""
    return {" ".join(map(str, draw(family, execution, Random(seed)))) for seed in SEEDS}


@pytest.mark.parametrize("family", EVENTS)
@pytest.mark.parametrize("seed", range(3))
def test_what_is_drawn_can_happen(family: str, seed: int) -> None:
    scenario = find_scenario("any-in-a-shell" if family == "lost-parent" else "any-stale")
    with Watchdog(), Execution(find_subject("direct-unlink"), scenario) as execution:
        own(execution)
        if family == "planted-link":  # which happens while no process lives
            execution.make(Move("crash", "A"))
        elif family != "long-run":  # which begins while nothing else happens
            execution.make(Move("start", execution.next_letter()))
        moves = draw(family, execution, Random(seed))
        assert moves
        for move in moves:
            execution.make(move)


def test_nothing_is_drawn_where_nothing_may_happen() -> None:
    with Watchdog(), Execution(find_subject("direct-unlink"), find_scenario("two-starts-empty")) as execution:
        for family in (EXIT, "kill", "sigterm", "sigstop", "removal", "power-loss"):
            assert draw(family, execution, Random(1)) == ()


def test_errno_may_be_injected_into_the_first_call_of_a_process() -> None:
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


def test_search_tries_what_sampling_draws_but_for_what_a_row_widens() -> None:
    """Both go by one enumeration: whatever is drawn, the search tries as it is, or with another detail."""
    with Watchdog(), Execution(find_subject("direct-unlink"), find_scenario("any-stale")) as execution:
        own(execution)
        world = ExecutionWorld(execution)
        for family, row in FAMILIES.items():
            tried = {str(move) for move in fault_moves(family, world)} or {""}
            last = {text.rpartition(" ")[2] for text in drawn(execution, family)}
            wide = any(fault.widened for fault in row.faults)
            assert wide or row.at_once or last <= tried


def test_file_in_a_folder_of_the_home_is_removed_and_corrupted(tmp_path: Path) -> None:
    """A lock that is a folder has its record in it: what the search tries there, a schedule can say."""
    module = tmp_path / "folder_lock.py"
    module.write_text(FOLDER_LOCK, encoding="utf-8")
    with Watchdog(), Execution(find_subject(str(module)), find_scenario("any-empty")) as execution:
        own(execution)
        world = ExecutionWorld(execution)
        assert parse_schedule("remove-lock/pid") == fault_moves("removal", world)[1:]
        for word in ("corrupt-lock/pid=torn", "remove-lock/pid", "remove-lock"):
            execution.make(parse_schedule(word)[0])
        with pytest.raises(ScheduleMismatch, match="there is no folder in which lock/pid could be"):
            execution.make(parse_schedule("corrupt-lock/pid=torn")[0])


def test_next_of_a_plan_is_the_first_that_may_happen_and_is_struck_off() -> None:
    with Watchdog(), Execution(find_subject("direct-unlink"), find_scenario("any-stale")) as execution:
        plan = [EXIT, "kill", "reboot", "clock-step"]
        assert draw_next(execution, plan, Random(1)) == (Move("reboot"),)
        assert plan == [EXIT, "kill", "clock-step"]
        del plan[2]
        assert draw_next(execution, plan, Random(1)) == ()
        assert plan == [EXIT, "kill"]
