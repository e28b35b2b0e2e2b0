"""Coverage: new states are told from known ones, and counted in a bitmap of fixed size."""

from __future__ import annotations

import sys
from array import array

import pytest

from stateful.campaign.coverage import Coverage
from stateful.campaign.lines import Lines
from stateful.campaign.tally import StateMap
from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.python.guard import Watchdog
from stateful.run.execution import Execution
from stateful.run.replay import replay
from stateful.sample.orderings import Orderings


def cover(coverage: Coverage, schedule: str) -> None:
    coverage.begin()
    with Watchdog(), Execution(find_subject("direct-unlink"), find_scenario("two-starts-stale")) as execution:
        for move in parse_schedule(schedule):
            coverage.observe(execution, execution.make(move))


def test_same_execution_reaches_nothing_new() -> None:
    coverage = Coverage()
    cover(coverage, "A5 B1 A3 B2")
    assert coverage.novelties
    states = coverage.take_states()
    assert len(states) == 8 * 11  # one for each move
    cover(coverage, "A5 B1 A3 B2")
    assert not coverage.novelties
    assert coverage.take_states() == b""
    assert coverage.steps == 22


def test_what_is_known_from_elsewhere_is_not_new() -> None:
    first = Coverage()
    cover(first, "A5 B1 A3 B2")
    second = Coverage(first.orderings, first.goals)
    cover(second, "A5 B1 A3 B2")
    assert not second.novelties


def test_goals_and_faults_are_noted() -> None:
    coverage = Coverage()
    cover(coverage, "A11 B3 crash-B")
    assert coverage.goals == {
        "an_owner_served",
        "a_stale_record_was_reclaimed",
        "a_fault_happened",
        "a_crash_fell_inside_a_claim",
    }
    assert coverage.faults == {"crash": 1}


def test_orderings_say_who_did_what_to_what_before_whom() -> None:
    trace = replay(
        find_subject("direct-unlink"), find_scenario("two-starts-stale"), parse_schedule("A5 B1 A6")
    )
    orderings = Orderings()
    seen = []
    for number, step in enumerate(trace.steps, 1):
        seen += [(number, ordering) for ordering in orderings.note(trace, step)]
    assert seen == [
        (6, "gateway.pid: start unlink, then start open"),
        (10, "gateway.pid: start open, then start open"),
    ]


def test_map_counts_what_is_new() -> None:
    known = StateMap()
    states = array("Q", [1, 2, 3, 2**63 + 5]).tobytes()
    assert known.add(states) == 4
    assert known.add(states) == 0
    assert known.count == 4


@pytest.mark.skipif(sys.version_info < (3, 12), reason="lines are told by sys.monitoring")
def test_lines_of_the_subject_are_told_apart_from_all_others() -> None:
    lines = Lines()
    with lines:
        cover(Coverage(), "A11")
    run, there = lines.run(), lines.there()
    assert run < there
    files = {path.rsplit("/", 1)[-1] for path, _ in run}
    assert {"direct_unlink.py", "records.py"} <= files
    assert not files & {"execution.py", "tempfile.py", "test_coverage.py"}
    before = set(run)
    cover(Coverage(), "A11")
    assert lines.run() == before


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="lines are told by sys.monitoring")
def test_lines_are_not_said_to_be_missing_where_nobody_watches() -> None:
    with Lines() as lines:
        cover(Coverage(), "A11")
    assert (lines.run(), lines.there()) == (set(), set())
