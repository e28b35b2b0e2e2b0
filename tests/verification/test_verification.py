"""An interrupt ends a verification and is recorded; the results so far are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.search.result import VIOLATED, Result
from stateful.verification.verification import Verification, verify


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def test_interrupt_while_a_violation_is_made_small_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(verify.__globals__, "minimise", interrupt)
    found = verify("foreign-guard", [find_scenario("one-start-stale")])
    assert found.interrupted
    assert "a_dead_owner_can_be_replaced" in found.violations


def test_interrupt_of_the_search_leaves_the_rest_not_begun() -> None:
    scenarios = [find_scenario(name) for name in ("one-start-empty", "one-start-stale")]
    found = verify("foreign-guard", scenarios, listen=interrupt)
    assert found.interrupted
    assert [result.reason for result in found.results][1:] == ["not begun"]


def test_verification_that_is_left_alone_was_not_interrupted() -> None:
    found = verify("direct-unlink", [find_scenario("one-start-empty")])
    assert not found.interrupted
    assert found.verdict != VIOLATED


def test_plan_that_was_cut_short_adds_no_fewer_states_than_none() -> None:
    plain, killed = find_scenario("two-starts-empty"), find_scenario("two-starts-empty-1-kill")
    stale = find_scenario("one-start-stale"), find_scenario("one-start-stale-1-kill")
    results = [Result(plain, 5_000), Result(killed, 200), Result(stale[0], 10), Result(stale[1], 17)]
    assert Verification(find_subject(), results).states_of_faults == 7


def test_budget_is_looked_at_before_each_move() -> None:
    """One state may take a second, so a look at every so many would come late."""
    found = verify("direct-unlink", [find_scenario("one-start-empty")], budget_s=0)
    assert [(each.states, each.exhaustive, each.reason) for each in found.results] == [
        (1, False, "the time was spent")
    ]


CLAIMS_IN_ONE_CALL: Final = """import os
not_offered = {
    "a_dead_owner_can_be_replaced": "an operator removes the link",
    "an_answer_was_true_at_some_moment": "it tells what the link says",
}

def gateway(home, serve):
    try:
        os.symlink(str(os.getpid()), home / "lock")
    except FileExistsError:
        return
    try:
        serve()
    finally:
        os.unlink(home / "lock")

def running_pid(home):
    try:
        return int(os.readlink(home / "lock"))
    except FileNotFoundError:
        return None
"""


@pytest.mark.parametrize("scenario", ["start-and-status-empty", "start-and-status-empty-1-kill"])
def test_nothing_need_run_inside_a_claim_of_one_call(scenario: str, tmp_path: Path) -> None:
    (tmp_path / "link.py").write_text(CLAIMS_IN_ONE_CALL)
    assert verify(str(tmp_path / "link.py"), [find_scenario(scenario)]).verdict == "holds"
