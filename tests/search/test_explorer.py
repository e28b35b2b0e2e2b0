"""The exhaustive search: exact state counts, and reductions that lose no violation."""

from __future__ import annotations

from typing import Any

import pytest

from stateful.model.moment import LONGEST_LIFE_STEPS
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.run.examine import examine
from stateful.search.disk_memo import UNKNOWN, DiskMemo
from stateful.verification.verification import verify

HISTORY = ("foreign-guard", "direct-unlink", "guarded-lock", "unlinked-lock")

# Exact numbers: any change of what is a step, a state or a reduction shows here.
STATES = {
    ("foreign-guard", "two-starts-stale-2-kills"): 104,
    ("direct-unlink", "one-start-empty"): 9,
    ("direct-unlink", "two-starts-stale"): 196,
    ("direct-unlink", "two-starts-stale-1-kill"): 427,
    ("direct-unlink", "three-starts-empty-1-kill"): 6460,
    ("guarded-lock", "start-and-status-stale-1-kill"): 188,
    ("unlinked-lock", "two-starts-stale"): 1434,
    ("reference-status", "one-start-stale-1-kill"): 48,
    ("reference-status", "two-starts-stale-2-kills"): 2139,
    ("reference-status", "start-and-status-recycled-pid-1-kill"): 1714,
    ("reference-status", "exit-and-start-torn-file-2-kills"): 768,
    ("reference-status", "start-and-replace-stale-1-kill"): 6635,
    ("reference-status", "replace-of-owner-empty-2-kills"): 2290,
    ("reference-status", "replace-of-owner-no-proc-1-kill"): 2763,
    ("reference-status", "stop-of-owner-stale-1-kill"): 1070,
    ("reference-status", "start-and-stop-empty-1-kill"): 1401,
    ("reference-status", "one-start-zombie-1-kill"): 60,
    ("reference-status", "two-starts-containers"): 940,
    ("reference-status", "replace-of-owner-root-1-kill"): 641,
    ("reference-status", "one-start-thread-1-kill"): 54,
    ("reference-status", "two-starts-elsewhere"): 229,
    ("reference-status", "replace-of-owner-two-homes"): 45,
    ("reference", "exit-and-start-wrapped-pids-1-kill"): 1882,
    ("reference", "one-start-stale-1-kill"): 66,
    ("reference", "two-starts-stale-2-kills"): 5154,
    ("reference", "replace-of-owner-stale-2-kills"): 2852,
    ("reference", "stop-of-owner-stale-1-kill"): 1081,
    ("reference with guarded-lock", "owner-and-other-start-empty-1-kill"): 678,
    ("direct-unlink with unlinked-lock", "start-and-other-start-empty-1-kill"): 740,
}


# The searches that take a second or more, and are like others here.
LONG = (
    "exit-and-start-wrapped-pids-1-kill",
    "start-and-status-recycled-pid-1-kill",
    "two-starts-zombie-1-kill",
    "start-and-replace-stale-1-kill",
    "replace-of-owner-stale-2-kills",
    "replace-of-owner-empty-2-kills",
    "replace-of-owner-no-proc-1-kill",
    "two-starts-stale-2-kills",
    "three-starts-empty-1-kill",
    "owner-and-other-start-empty-1-kill",
    "stop-of-owner-stale-1-kill",
    "start-and-stop-empty-1-kill",
    "exit-and-start-torn-file-2-kills",
    "replace-of-owner-root-1-kill",
)


@pytest.mark.parametrize(
    ("subject", "name"),
    [pytest.param(*key, marks=pytest.mark.long) if key[1] in LONG else key for key in STATES],
    ids=lambda value: value,
)
def test_number_of_states_is_exact(search: Any, subject: str, name: str) -> None:
    result = search(subject, find_scenario(name))
    assert result.exhaustive
    assert result.states == STATES[subject, name]


# That the reductions change nothing is shown of hundreds of drawn protocols in test_answers.py.
@pytest.mark.parametrize(
    "subject", (*(pytest.param(name, marks=pytest.mark.long) for name in HISTORY), "reference-status")
)
@pytest.mark.parametrize(
    "name",
    (
        pytest.param("two-starts-empty-1-kill", marks=pytest.mark.long),
        pytest.param("start-and-status-empty-1-kill", marks=pytest.mark.long),
        "exit-and-start-empty",
        pytest.param("start-and-replace-empty", marks=pytest.mark.long),
        "stop-of-owner-empty",
        pytest.param("two-starts-zombie", marks=pytest.mark.long),
        pytest.param("two-starts-containers", marks=pytest.mark.long),
    ),
)
def test_reductions_change_neither_the_verdict_nor_what_is_violated(
    search: Any, subject: str, name: str
) -> None:
    offered = examine(find_subject(subject)).lives
    if not set(find_scenario(name).cast.lives) <= set(offered):
        pytest.skip("not offered")
    full = search(subject, find_scenario(name), reduced=False)
    fewer = search(subject, find_scenario(name))
    assert fewer.verdict == full.verdict
    assert set(fewer.violations) == set(full.violations)
    assert {name: trace.length for name, trace in fewer.violations.items()} == {
        name: trace.length for name, trace in full.violations.items()
    }
    assert fewer.states <= full.states


ALIKE = (
    ("tests/planted/expires.py", "start-and-exit-stale-1-clock-step"),
    ("tests/planted/reader_touches.py", "start-and-status-stale"),
)
# Shown of drawn protocols in test_answers.py, as above, which searches them with that memo and without.
LONG_ALIKE = (
    ("unlinked-lock", "two-starts-stale-1-kill"),
    ("reference-status", "one-start-zombie-1-kill"),
    ("tests/planted/trusts_the_record.py", "start-and-exit-stale-1-reboot-1-recycled-pid"),
    ("tests/planted/takes_errors_for_free.py", "two-starts-empty-1-errno"),
    ("tests/planted/spins_on_a_full_disk.py", "start-and-exit-stale-1-bad-disk"),
    ("direct-unlink", "start-and-exit-stale-1-corruption"),
    ("direct-unlink", "start-and-exit-stale-1-lost-home"),
    ("reference with guarded-lock", "owner-and-other-start-empty-1-kill"),
)


@pytest.mark.parametrize(
    ("subject", "name"), [*ALIKE, *(pytest.param(*key, marks=pytest.mark.long) for key in LONG_ALIKE)]
)
def test_disks_that_one_alone_takes_for_alike_are(
    search: Any, monkeypatch: pytest.MonkeyPatch, subject: str, name: str
) -> None:
    some = search(subject, find_scenario(name))
    monkeypatch.setattr(DiskMemo, "answer", lambda self, disk: UNKNOWN)
    each = search(subject, find_scenario(name))
    assert some.calls <= each.calls
    assert some.states == each.states
    assert some.violations == each.violations


def test_number_of_states_does_not_depend_on_what_was_searched_before() -> None:
    names = ("two-starts-empty", "start-and-status-empty-1-kill")
    together = verify("reference-status", [find_scenario(name) for name in names])
    apart = [verify("reference-status", [find_scenario(name)]) for name in names]
    assert [result.states for result in together.results] == [each.results[0].states for each in apart]


def test_spent_budget_is_unknown_and_says_so() -> None:
    found = verify("reference-status", [find_scenario("three-starts-stale")], budget_s=0.2)
    assert found.verdict == "unknown"
    assert found.results[0].reason == "the time was spent"
    assert not found.results[0].exhaustive


@pytest.mark.long
@pytest.mark.parametrize("subject", ("foreign-guard", "direct-unlink"))
def test_workers_find_what_one_process_finds(subject: str) -> None:
    names = ("one-start-empty", "one-start-stale-1-kill", "two-starts-empty", "two-starts-stale")
    scenarios = [find_scenario(name) for name in names]
    alone, shared = verify(subject, scenarios), verify(subject, scenarios, workers=2)
    assert [result.states for result in alone.results] == [result.states for result in shared.results]
    assert alone.violations == shared.violations


def test_limits_are_in_proportion() -> None:
    assert LONGEST_LIFE_STEPS > 4 * 38  # the reference's longest start
