"""Walks: what is drawn happens, what is found replays, and the reference survives it."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from stateful.deciders.chance import FAMILIES, draw_fault
from stateful.deciders.draft import WIDEST, Draft, draw_draft
from stateful.deciders.last_questions import before_questions
from stateful.deciders.portfolio import scheduler_of
from stateful.deciders.replay import replay
from stateful.deciders.scheduler import UniformWalk
from stateful.deciders.walk import walk
from stateful.examine import examine
from stateful.execution import Execution
from stateful.kernel.guard import Watchdog
from stateful.scenario import EVERY, MEDDLING, find_scenario
from stateful.schedule import STEP, Move
from stateful.subject import find_subject
from stateful.trace import Trace

LIVES = ("start", "replace", "stop", "status", "peek")


def walks(subject: str, number: int, width: int) -> list[Trace]:
    found = find_subject(subject)
    offered = examine(found).lives
    traces = []
    with Watchdog():
        for seed in range(number):
            random = Random(seed)
            draft = draw_draft(random, offered, width, 30)
            traces.append(walk(found, offered, draft, scheduler_of("pos", draft, random), random))
    return traces


def test_families_are_those_of_the_plans() -> None:
    assert set(FAMILIES) == {*EVERY, "kill"}


@pytest.mark.parametrize("family", FAMILIES)
def test_fault_of_a_family_is_possible_where_it_is_drawn(family: str) -> None:
    with Watchdog(), Execution(find_subject("direct-unlink"), find_scenario("any-stale")) as execution:
        execution.make(Move("start", "A"))
        for _ in range(2):
            execution.make(Move(STEP, "A"))
        fault = draw_fault(execution, family, Random(1))
        assert fault is not None
        execution.make(fault)


def test_fault_that_cannot_happen_is_none() -> None:
    with Watchdog(), Execution(find_subject("direct-unlink"), find_scenario("two-starts-empty")) as execution:
        assert draw_fault(execution, "kill", Random(1)) is None
        assert draw_fault(execution, "power-loss", Random(1)) is None


def test_drafts_grow_wider() -> None:
    sizes = {
        width: max(draw_draft(Random(seed), LIVES, width, 10).processes for seed in range(200))
        for width in (2, 4, WIDEST)
    }
    assert sizes == {2: 3, 4: 4, WIDEST: WIDEST}  # three are the largest cast of the search


def test_drafts_leave_meddling_out() -> None:
    drafts = [draw_draft(Random(seed), LIVES, WIDEST, 10) for seed in range(500)]
    families = {family for draft in drafts for _, family in draft.strikes}
    assert families == {*FAMILIES} - MEDDLING


def test_schedule_of_a_walk_replays() -> None:
    subject = find_subject("unlinked-lock")
    for trace in walks("unlinked-lock", 15, 5):
        again = replay(subject, find_scenario(trace.scenario), trace.moves)
        assert again.steps == trace.steps
        assert again.violation == trace.violation


def test_walks_reach_as_much_as_ever() -> None:
    """Any change of who moves when changes these numbers; so would a walk that quietly did nothing."""
    subject = find_subject("direct-unlink")
    lives = ("start", "start", "status")
    draft = Draft(find_scenario("any-stale"), lives, ((5, "kill"), (9, "errno")), 1, 40, None)
    steps, found = 0, Counter[str]()
    with Watchdog():
        for seed in range(40):
            random = Random(seed)
            trace = walk(subject, LIVES, draft, scheduler_of("pos", draft, random), random)
            steps += len(trace.steps)
            found[trace.violation.invariant if trace.violation else "nothing"] += 1
    assert (steps, found) == (STEPS_OF_FORTY, FOUND_IN_FORTY)


STEPS_OF_FORTY = 1_424
FOUND_IN_FORTY = {
    "nothing": 24,
    "readers_change_nothing": 5,
    "at_most_one_owner": 11,
}


def test_reference_holds_in_some_walks() -> None:
    traces = walks("reference", 12, 5)
    assert not [trace.violation for trace in traces if trace.violation]


@pytest.mark.long
def test_reference_holds_in_a_thousand_wide_walks() -> None:
    assert not [trace.violation for trace in walks("reference", 1_000, WIDEST) if trace.violation]


def test_moves_before_the_questions_are_those_before_the_last_repair() -> None:
    moves = [Move(STEP, "A"), Move("disk-full"), Move("disk-well"), Move("crash", "A"), Move("start", "B")]
    assert before_questions(moves) == moves[:2]
    assert before_questions(moves[:2]) == moves[:2]


def test_settled_process_owns_before_the_others_begin() -> None:
    subject = find_subject("direct-unlink")
    draft = draw_draft(Random(0), ("start",), 2, 10)._replace(
        scenario=find_scenario("exit-and-start-empty"), lives=(), strikes=(), exits=1, cut=None
    )
    random = Random(0)
    with Watchdog():
        trace = walk(subject, ("start",), draft, UniformWalk(random), random)
    letters = [move.letter for move in trace.moves]
    owns = next(number for number, step in enumerate(trace.steps) if step.phase == "owner")
    assert set(letters[: owns + 1]) == {"A"}
    assert any(move.kind == "exit" for move in trace.moves)
