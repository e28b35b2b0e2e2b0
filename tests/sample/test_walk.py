"""Walks: drawn faults happen, findings replay, and the reference holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest

from stateful.model.families import FAMILIES, TAMPERING
from stateful.model.schedule import EXIT, STEP, Move
from stateful.model.standard import OPEN_ENDED, find_scenario
from stateful.model.trace import Trace
from stateful.protocol.subject import find_subject
from stateful.python.guard import Watchdog
from stateful.run.examine import examine
from stateful.run.replay import replay
from stateful.sample.draft import WIDEST, Draft, PlannedEvent, draw_draft
from stateful.sample.last_questions import before_questions
from stateful.sample.scheduler import UniformWalk, scheduler_of
from stateful.sample.walk import walk

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


def test_drafts_grow_wider() -> None:
    sizes = {
        width: max(draw_draft(Random(seed), LIVES, width, 10).processes for seed in range(200))
        for width in (2, 4, WIDEST)
    }
    assert sizes == {2: 3, 4: 4, WIDEST: WIDEST}  # three are the largest cast of the search


@pytest.mark.parametrize("tampering", (False, True), ids=("without-tampering", "with-tampering"))
def test_every_family_is_drafted_but_tampering_only_where_it_is_asked_for(tampering: bool) -> None:
    drafts = [draw_draft(Random(seed), LIVES, WIDEST, 10, tampering=tampering) for seed in range(500)]
    families = {event.family for draft in drafts for event in draft.events}
    assert families == {EXIT, *FAMILIES} - (set() if tampering else TAMPERING)


def test_every_disk_is_drafted_and_on_each_what_the_search_tries_there() -> None:
    drafts = [draw_draft(Random(seed), LIVES, 2, 10) for seed in range(4_000)]
    assert {draft.scenario.disk for draft in drafts} == {scenario.disk for scenario in OPEN_ENDED}
    marked = {draft.scenario.name for draft in drafts if draft.scenario.disk.name == "marked"}
    assert {"any-marked", "start-and-exit-marked-1-sigterm"} <= marked


def test_draft_says_what_it_is() -> None:
    events = (PlannedEvent("kill"), PlannedEvent(EXIT))
    draft = Draft(find_scenario("one-start-stale"), ("start", "peek"), events, 40, None)
    assert str(draft) == "one-start-stale and start and peek; kill, exit"
    assert str(draft._replace(lives=(), events=())) == "one-start-stale"


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
    events = (PlannedEvent("kill", 5), PlannedEvent("errno", 9))
    draft = Draft(find_scenario("any-stale"), lives, events, 40, None)
    steps, found = 0, Counter[str]()
    with Watchdog():
        for seed in range(40):
            random = Random(seed)
            trace = walk(subject, LIVES, draft, scheduler_of("pos", draft, random), random)
            steps += len(trace.steps)
            found[trace.violation.invariant if trace.violation else "nothing"] += 1
    assert (steps, found) == (STEPS_OF_FORTY, FOUND_IN_FORTY)


STEPS_OF_FORTY = 1_852
FOUND_IN_FORTY = {
    "nothing": 22,
    "at_most_one_owner": 11,
    "readers_change_nothing": 6,
    "a_live_owner_is_discoverable": 1,
}


def test_reference_holds_in_some_walks() -> None:
    traces = walks("reference", 12, 5)
    assert not [trace.violation for trace in traces if trace.violation]


@pytest.mark.long
def test_reference_holds_in_a_thousand_wide_walks() -> None:
    assert not [trace.violation for trace in walks("reference", 1_000, WIDEST) if trace.violation]


EVENTS = (
    # A has made two steps before anything happens.
    pytest.param(PlannedEvent("kill", 2), "A2 crash-A", id="before-a-step"),
    pytest.param(PlannedEvent("sigterm", 0, owned=True), "A11 term-A", id="once-somebody-owns"),
    pytest.param(PlannedEvent("sigstop", 0, call="take a name away"), "A4 sigstop-A", id="before-a-call"),
    # Nobody ever does, and so it happens once everybody rests.
    pytest.param(PlannedEvent("kill", 0, call="lock"), "A11 B8 crash-", id="at-rest"),
    pytest.param(PlannedEvent(EXIT), "A11 exit-A", id="as-soon-as-it-can"),
)


@pytest.mark.parametrize(("event", "schedule"), EVENTS)
def test_something_happens_when_the_draft_says(event: PlannedEvent, schedule: str) -> None:
    draft = Draft(find_scenario("two-starts-stale"), (), (event,), 40, None)
    with Watchdog():
        trace = walk(find_subject("direct-unlink"), (), draft, _InOrder(), Random(3))
    assert trace.schedule.startswith(schedule)


class _InOrder:
    """Who is first goes on as long as it can."""

    def choose(self, ready: Sequence[str]) -> str:
        return ready[0]

    def stepped(self, who: str, yields: bool, rivals: object) -> None:
        """Nothing follows from it."""


def test_errno_may_be_injected_into_the_first_call_of_all() -> None:
    draft = Draft(
        find_scenario("any-empty"), ("start", "start"), (PlannedEvent("errno", owned=True),), 40, None
    )
    with Watchdog():
        schedules = [
            walk(find_subject("direct-unlink"), (), draft, _InOrder(), Random(seed)).schedule
            for seed in range(40)
        ]
    assert any(re.match(r"start-A A\d+ start-B e\w+-B ", schedule) for schedule in schedules)


def test_moves_before_the_questions_are_those_before_the_last_repair() -> None:
    moves = [Move(STEP, "A"), Move("disk-full"), Move("disk-well"), Move("crash", "A"), Move("start", "B")]
    assert before_questions(moves) == moves[:2]
    assert before_questions(moves[:2]) == moves[:2]


def test_settled_process_owns_before_the_others_begin() -> None:
    subject = find_subject("direct-unlink")
    draft = draw_draft(Random(0), ("start",), 2, 10)._replace(
        scenario=find_scenario("exit-and-start-empty"), lives=(), events=(PlannedEvent(EXIT, 400),), cut=None
    )
    random = Random(0)
    with Watchdog():
        trace = walk(subject, ("start",), draft, UniformWalk(random), random)
    letters = [move.letter for move in trace.moves]
    owns = next(number for number, step in enumerate(trace.steps) if step.phase == "owner")
    assert set(letters[: owns + 1]) == {"A"}
    assert any(move.kind == "exit" for move in trace.moves)
