"""Each invariant rejects the subject that is planted for it, and accepts unusual but correct subjects."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from stateful.model.goals import GOALS
from stateful.model.invariants import INVARIANTS, SPEAKS_OF
from stateful.model.standard import SCENARIOS, find_scenario, find_scenarios
from stateful.protocol.built_in import broken_by
from stateful.protocol.mutant_table import MUTANTS
from stateful.report.verdict import as_json, points, summary
from stateful.verification.verification import verify

PLANTED = Path(__file__).parents[1] / "planted"
SMALL = [
    scenario
    for scenario in SCENARIOS
    if scenario.cast.name != "three-starts" and scenario.disk.name in ("empty", "stale")
]

# What is planted, the smallest scenario in which it is found, and the shortest schedule there.
CAUGHT = {
    "spins": ("one-start-empty", "A1 crash-A start-B B2"),
    "spins_on_a_full_disk": ("start-and-exit-stale-1-bad-disk", "disk-full A2"),
    "record_after_start": ("one-start-empty", "A2 status-B B2"),
    "reader_touches": ("start-and-status-empty", "A4 status-C C1"),
    "removes_the_lock_when_it_goes": ("exit-and-start-empty", "A2 exit-A B1 A2 B1 start-C C2"),
    "trusts_the_record": ("one-start-stale", "A7"),
    "victim_removes_successor": ("replace-of-owner-empty", "A5 B6 A2 B4 A1"),
    "drops_the_record": ("replace-of-owner-empty", "A5 B6 crash-B status-C C2"),
    "gives_up_after_term": ("replace-of-owner-empty", "A5 B7 A2"),
    "stop_cleans_up": ("stop-of-owner-empty", "A5 B5 crash-B status-C C2"),
    "trusts_the_rename": ("one-start-empty-1-power-loss", "A5 power-loss-writeback-2 start-B B5"),
    "signals_whoever_has_the_pid": ("one-replace-lookalike", "A4"),
    "exits_1_when_replaced": ("replace-of-owner-empty", "A3 B4 A2"),
    "exits_0_when_terminated": ("start-and-exit-stale-1-sigterm", "A3 term-A A2"),
    "trusts_inode_numbers": ("three-starts-reused-inodes-1-kill", "A9 B1 C4 crash-A C8 B1 C3 B10"),
    "spares_the_stopped": ("replace-of-owner-empty-1-sigstop", "A4 sigstop-A replace-C C7"),
}
# What breaks nothing else either.
ALONE = tuple(CAUGHT)[-4:]
HOLDING = ("flock_only", "lockf_only", "waits_for_lock", "raises_out", "replaces_by_force")
# They know a process by its pid alone, and cannot tell a planned end from another.
BARE_LACK = {
    "raises_out": {
        "only_the_owner_is_signalled",
        "a_replaced_owner_exits_clean",
        "an_answer_was_true_at_some_moment",
    },
    "replaces_by_force": {"only_the_owner_is_signalled"},
}


WAITING = """import fcntl, os
def gateway(home, serve, *, replace=False):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR)
    if not replace:
        fcntl.flock(fd, fcntl.LOCK_EX)
        serve()
"""
NEVER = {
    "never_replaces": ("replace-of-owner-empty", "", "a_replace_succeeded"),
    "never_stops": ("stop-of-owner-empty", "def stop(home): home.exists()\n", "a_stop_succeeded"),
}


def invariant_named_in(name: str) -> str:
    """The invariant that the docstring of a planted subject names."""
    docstring = ast.get_docstring(ast.parse((PLANTED / f"{name}.py").read_text()))
    assert docstring is not None
    return docstring.partition(":")[0]


SLOW = (*("drops_the_record", "stop_cleans_up", "trusts_inode_numbers", "victim_removes_successor"),)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name in SLOW else name for name in CAUGHT]
)
def test_planted_mistake_is_caught_by_the_invariant_it_names(name: str) -> None:
    scenario, schedule = CAUGHT[name]
    found = verify(str(PLANTED / f"{name}.py"), [find_scenario(scenario)])
    assert found.violations[invariant_named_in(name)].schedule == schedule
    if name in ALONE:
        assert set(found.violations) == {invariant_named_in(name)}


def test_every_invariant_has_a_planted_mistake() -> None:
    planted = {*map(invariant_named_in, CAUGHT), *map(broken_by, MUTANTS)}
    assert planted >= {each.__name__ for each in INVARIANTS}


@pytest.mark.parametrize(
    "name",
    [name if name == "flock_only" else pytest.param(name, marks=pytest.mark.long) for name in HOLDING],
)
def test_odd_but_right_subject_holds(name: str) -> None:
    found = verify(str(PLANTED / f"{name}.py"), SMALL)
    assert set(found.violations) == BARE_LACK.get(name, set())
    assert found.exhaustive


def test_every_goal_belongs_to_a_standard_scenario() -> None:
    assert {goal for scenario in SCENARIOS for goal in scenario.goals()} == set(GOALS)


def test_scenario_that_is_not_offered_is_said_to_be_so() -> None:
    names = ("two-starts-empty", "replace-of-owner-empty-1-kill", "start-and-status-empty")
    found = verify(str(PLANTED / "flock_only.py"), [find_scenario(name) for name in names])
    assert [result.missing for result in found.results] == [(), ("replace",), ("status",)]
    assert [result.verdict for result in found.results] == ["holds", "not offered", "not offered"]
    assert found.verdict == "holds"
    assert "  not offered     replace, status: 2 scenarios left out" in summary(found)
    assert [each["not_offered"] for each in as_json(found)["scenarios"]] == [[], ["replace"], ["status"]]


ABOUT_QUERIES = [name for name, lives in SPEAKS_OF.items() if "peek" in lives]


def test_what_no_scenario_asks_is_not_said_to_hold() -> None:
    found = verify(str(PLANTED / "replaces_by_force.py"), find_scenarios("two-starts-empty"))
    assert [name for name in dict(points(found))["not applicable"] if name not in ABOUT_QUERIES] == [
        "only_own_files_are_changed",
        "homes_are_independent",
        "a_stopped_owner_can_be_replaced",
        "a_replaced_owner_exits_clean",
    ]


def test_nothing_offered_is_not_a_pass() -> None:
    found = verify(str(PLANTED / "flock_only.py"), [find_scenario("stop-of-owner-empty")])
    assert found.verdict == "unknown"


@pytest.mark.parametrize("name", ("never_replaces", "never_stops"))
def test_goal_that_is_never_reached_is_not_a_pass(name: str, tmp_path: Path) -> None:
    (tmp_path / "subject.py").write_text(f"{WAITING}{NEVER[name][1]}")
    found = verify(str(tmp_path / "subject.py"), [find_scenario(NEVER[name][0])])
    assert found.verdict == "unknown"
    assert found.violations == {}
    assert found.results[0].unreached == (NEVER[name][2],)


def test_subject_that_never_owns_is_not_a_pass() -> None:
    found = verify(str(PLANTED / "never_owns.py"), [find_scenario("one-start-empty")])
    assert found.verdict == "violated"
    assert set(found.violations) == {"a_dead_owner_can_be_replaced"}
    assert found.results[0].unreached == ("an_owner_served",)
