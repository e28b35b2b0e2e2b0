"""The needs of a failure: each ordering or fault comes with a run that passes without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stateful.explain.needs import MOST_ORDERINGS, explain, needs
from stateful.model.scenario import Scenario
from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario
from stateful.model.trace import NeededFault, Ordering, Trace
from stateful.protocol.subject import Subject, find_subject
from stateful.run.replay import replay

# The subject, the scenario, a schedule that breaks an invariant there, and what that needs.
FAILURES = {
    "unlink by path": ("direct-unlink", "two-starts-empty", "A1 B8 A7", [(1, 7), (7, 10)]),
    "another lock file": ("unlinked-lock", "two-starts-empty", "A2 B12 A10", [(2, 7), (12, 15)]),
    "a lock file that is removed": (
        "tests/planted/unlinks_the_lock.py",
        "two-starts-empty-1-kill",
        "A3 start-C C3",
        [(2, 4)],
    ),
    "crash loop": ("foreign-guard", "one-start-empty", "A6 crash-A start-B B11", ["crash-A"]),
    "SIGTERM": (
        "tests/planted/exits_0_when_terminated.py",
        "start-and-exit-stale-1-sigterm",
        "A3 term-A A2",
        ["term-A"],
    ),
    "a stopped owner": (
        "tests/planted/spares_the_stopped.py",
        "replace-of-owner-empty-1-sigstop",
        "A4 sigstop-A replace-C C7",
        ["sigstop-A"],
    ),
}

# A full record of the dead is removed, and an empty one is taken for held.
HALF_WEDGED = """
import os

def gateway(home, serve):
    record = home / "pid"
    try:
        if record.read_text():
            record.unlink()
    except FileNotFoundError:
        pass
    try:
        fd = os.open(record, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return
    os.write(fd, b"1")
    os.close(fd)
    serve()
"""


OVERWRITES = "check-then-overwrite"


def explained(subject: Subject, scenario: Scenario, schedule: str) -> Trace:
    return explain(subject, scenario, replay(subject, scenario, parse_schedule(schedule)))


@pytest.mark.parametrize(("name", "where", "schedule", "expected"), FAILURES.values(), ids=FAILURES)
def test_failure_needs_what_is_said(name: str, where: str, schedule: str, expected: list[object]) -> None:
    subject, scenario = find_subject(name), find_scenario(where)
    found = explained(subject, scenario, schedule).needs
    assert [
        need.fault if isinstance(need, NeededFault) else (need.first, need.then) for need in found
    ] == expected
    for need in found:
        passing = [need.passing]
        if isinstance(need, NeededFault):
            assert need.fault not in need.passing
            passing += [shown for _, shown in filter(None, (need.after, need.before))]
        for shown in passing:
            assert replay(subject, scenario, parse_schedule(shown)).violation is None


@pytest.mark.parametrize("name", ("direct-unlink", "unlinked-lock"))
def test_steps_of_an_ordering_come_the_other_way_round_in_the_run_that_passes(name: str) -> None:
    subject, scenario = find_subject(name), find_scenario("two-starts-empty")
    trace = explained(subject, scenario, {"direct-unlink": "A1 B8 A7"}.get(name, "A2 B12 A10"))
    for need in trace.needs:
        assert isinstance(need, Ordering)
        first, then = (trace.steps[number - 1] for number in (need.first, need.then))
        moves = [step.move for step in trace.steps]
        own = [moves[:number].count(moves[number - 1]) for number in (need.first, need.then)]
        passing = replay(subject, scenario, parse_schedule(need.passing))
        at = [
            [n for n, again in enumerate(passing.steps) if again.move == step.move][count - 1]
            for step, count in zip((first, then), own, strict=True)
        ]
        assert at[1] < at[0]
        assert [passing.steps[n].call for n in at] == [first.call, then.call]


def test_kill_has_to_come_between_two_calls(tmp_path: Path) -> None:
    (tmp_path / "half.py").write_text(HALF_WEDGED)
    subject, scenario = find_subject(str(tmp_path / "half.py")), find_scenario("one-start-empty")
    trace = explained(subject, scenario, "A2 crash-A start-B B5")
    assert trace.violation is not None
    assert list(needs(trace)) == [
        'It needs crash-A: without it, "A2 start-B B5 A2" passes; '
        'with it before step 2, "A1 crash-A start-B B4" does; '
        'with it after write(pid), "A3 crash-A start-B B7" does.'
    ]


def test_trace_that_breaks_nothing_needs_nothing() -> None:
    subject, scenario = find_subject("direct-unlink"), find_scenario("two-starts-empty")
    assert explained(subject, scenario, "A8 B3").needs == []


def test_few_orderings_are_named(tmp_path: Path) -> None:
    """Of the steps of a check and a write that overlap, only those from which the others follow."""
    subject, scenario = (
        find_subject("check-then-overwrite"),
        find_scenario("two-starts-empty"),
    )
    trace = explained(subject, scenario, "A1 B4 A3")
    assert 0 < len(trace.needs) <= MOST_ORDERINGS
