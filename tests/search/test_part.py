"""The parts of a search together give the same states, faults, goals and violations as the whole search."""

from __future__ import annotations

import pytest

from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.run.examine import examine
from stateful.search.explorer import Explorer
from stateful.search.memory import Memory
from stateful.search.part import WHOLE, Part
from stateful.search.result import Result

SEARCHES = (
    ("direct-unlink", "exit-and-start-empty-2-kills"),
    ("tests/planted/takes_errors_for_free.py", "two-starts-empty-1-errno"),
)
# Those above have two faults and one, an exit and errors that are remembered; these have no more than that.
LONG = (
    ("direct-unlink", "start-and-status-stale-1-kill"),
    ("foreign-guard", "two-starts-stale-2-kills"),
    ("guarded-lock", "start-and-exit-stale-1-bad-disk"),
    ("direct-unlink", "two-starts-stale-1-kill"),
    ("direct-unlink", "two-starts-empty-2-kills"),
    ("foreign-guard", "two-starts-empty-1-sigstop"),
    ("direct-unlink", "two-starts-empty-1-kill-1-recycled-pid"),
    ("direct-unlink", "two-starts-empty-1-removal"),
    ("direct-unlink", "two-starts-empty-1-reboot-1-recycled-pid"),
    ("direct-unlink", "two-starts-empty-1-clock-step"),
    ("direct-unlink", "two-starts-containers-1-kill"),
    ("direct-unlink", "two-starts-root-1-kill"),
    ("foreign-guard", "two-starts-empty-1-sigterm"),
    ("guarded-lock", "two-starts-empty-1-errno"),
    ("reference-status", "stop-of-owner-empty-1-kill"),
    ("direct-unlink with unlinked-lock", "start-and-other-start-empty-1-kill"),
    ("direct-unlink", "three-starts-empty-2-kills"),
    ("unlinked-lock", "two-starts-stale-2-kills"),
    ("guarded-lock", "two-starts-empty-1-lost-home"),
    ("reference-status", "replace-of-owner-empty-2-kills"),
    ("reference-status", "start-and-replace-stale-1-kill"),
    ("reference", "two-starts-stale-2-kills"),
    ("reference", "two-starts-empty-1-sigterm"),
    ("reference", "start-and-status-empty-1-errno"),
    ("reference", "stop-of-owner-no-proc-1-kill"),
)


def search(subject: str, name: str, part: Part = WHOLE) -> Result:
    found, scenario = find_subject(*subject.split(" with ")), find_scenario(name)
    memory = Memory(found, scenario.disk)
    try:
        *_, result = Explorer(examine(found), [scenario], memory, part=part).run()
        return result
    finally:
        memory.close()


@pytest.mark.parametrize("parts", (pytest.param(2, marks=pytest.mark.long), 3))
@pytest.mark.parametrize(
    ("subject", "name"),
    [*SEARCHES, *(pytest.param(*search, marks=pytest.mark.long) for search in LONG)],
    ids=lambda value: value,
)
def test_parts_are_together_what_one_search_is(subject: str, name: str, parts: int) -> None:
    one = search(subject, name)
    each = [search(subject, name, Part(number, parts)) for number in range(1, parts + 1)]
    seen = [part.seen for part in each if part.seen is not None]
    assert len(seen) == parts
    assert len({part.basis for part in seen}) == 1
    assert [len(part.states) for part in seen] == [result.states for result in each]
    assert len(frozenset().union(*(part.states for part in seen))) == one.states
    assert {
        family: len(frozenset().union(*(part.faults[family] for part in seen))) for family in one.faults
    } == one.faults
    assert set(one.unreached) == set.intersection(*(set(result.unreached) for result in each))
    shortest: dict[str, int] = {}
    for result in each:
        for invariant, trace in result.violations.items():
            shortest[invariant] = min(len(trace.moves), shortest.get(invariant, len(trace.moves)))
    assert shortest == {invariant: len(trace.moves) for invariant, trace in one.violations.items()}


@pytest.mark.long
def test_parts_have_little_in_common_where_who_was_told_an_error_remembers_it() -> None:
    name = "two-starts-empty-1-errno"
    one = search("guarded-lock", name)
    each = [search("guarded-lock", name, Part(number, 4)) for number in range(1, 5)]
    assert sum(result.states for result in each) < 1.3 * one.states
    assert max(result.states for result in each) < 0.6 * one.states


def test_whole_search_keeps_no_digests() -> None:
    assert search("direct-unlink", "one-start-stale-1-kill").seen is None
