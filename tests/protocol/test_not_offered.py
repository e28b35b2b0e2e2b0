"""An invariant that a subject excludes is reported, not counted, and hides no violation of the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario, find_scenarios
from stateful.protocol.subject import SubjectError, find_subject
from stateful.report.verdict import as_json, summary
from stateful.run.replay import replay
from stateful.verification.verification import verify

# No process removes the record of a killed owner.
EXCLUSIVE_CREATE = """
import os
def gateway(home, serve):
    try: os.close(os.open(home / 'lock', os.O_CREAT | os.O_EXCL))
    except FileExistsError: return
    serve()
    os.unlink(home / 'lock')
"""
# Every process owns; a process that exits removes any record.
OVERWRITES = """
import os
def gateway(home, serve):
    (home / 'app.pid').write_text(str(os.getpid()))
    serve()
    os.unlink(home / 'app.pid')
"""
NO_RECOVERY = {"a_dead_owner_can_be_replaced": "an operator removes the file"}
KEEPS_NOBODY_OUT = {"at_most_one_owner": "it keeps nobody out"}


def write(folder: Path, code: str, not_offered: object = None, name: str = "subject") -> str:
    (folder / f"{name}.py").write_text(code + (f"not_offered = {not_offered!r}\n" if not_offered else ""))
    return str(folder / f"{name}.py")


def test_what_is_not_offered_is_said_and_not_counted(tmp_path: Path) -> None:
    scenarios = find_scenarios("*-starts-empty-?-kill*")
    strict = verify(write(tmp_path, EXCLUSIVE_CREATE), scenarios)
    assert list(strict.violations) == ["a_dead_owner_can_be_replaced"]
    found = verify(write(tmp_path, EXCLUSIVE_CREATE, NO_RECOVERY, "lenient"), scenarios)
    assert found.verdict == "holds"
    assert found.states >= strict.states
    text = summary(found)
    assert "  not offered     a_dead_owner_can_be_replaced: an operator removes the file" in text
    assert "a_dead_owner_can_be_replaced" not in "".join(line for line in text if "holds" in line)
    assert as_json(found)["not_offered"] == NO_RECOVERY


def test_stale_disk_demands_no_owner_of_who_offers_no_recovery(tmp_path: Path) -> None:
    code = EXCLUSIVE_CREATE.replace("lock", "gateway.pid")
    found = verify(write(tmp_path, code, NO_RECOVERY), find_scenarios("two-starts-stale-?-kill*"))
    assert found.verdict == "holds"


def test_what_is_not_offered_hides_nothing_behind_it(tmp_path: Path) -> None:
    """The search goes on from the state that breaks it."""
    found = verify(write(tmp_path, OVERWRITES, KEEPS_NOBODY_OUT), [find_scenario("exit-and-start-empty")])
    assert list(found.violations) == ["release_removes_only_own_record"]


def test_replay_passes_over_it_too(tmp_path: Path) -> None:
    scenario, moves = find_scenario("two-starts-empty"), parse_schedule("A3 B3")
    strict = replay(find_subject(write(tmp_path, OVERWRITES)), scenario, moves)
    assert strict.violation is not None
    assert strict.violation.invariant == "at_most_one_owner"
    subject = find_subject(write(tmp_path, OVERWRITES, KEEPS_NOBODY_OUT, "lenient"))
    assert replay(subject, scenario, moves).violation is None


def test_two_subjects_owe_only_what_both_offer(tmp_path: Path) -> None:
    subject = find_subject(write(tmp_path, EXCLUSIVE_CREATE))
    lenient = find_subject(write(tmp_path, EXCLUSIVE_CREATE, NO_RECOVERY, "lenient"))
    found = verify(replace(subject, other=lenient), [find_scenario("start-and-other-start-empty-1-kill")])
    assert found.verdict == "holds"
    assert found.offer.invariants_not_offered == NO_RECOVERY.keys()


def test_supervisors_need_not_settle(tmp_path: Path) -> None:
    not_offered = {**NO_RECOVERY, "supervisors_settle": "nor do they"}
    scenarios = [find_scenario("outage-under-systemd-empty")]
    assert verify(write(tmp_path, EXCLUSIVE_CREATE), scenarios).verdict == "violated"
    found = verify(write(tmp_path, EXCLUSIVE_CREATE, not_offered, "lenient"), scenarios)
    assert found.verdict == "holds"


@pytest.mark.parametrize(
    ("not_offered", "said"),
    [
        ({"at_most_one_owners": ""}, "which is no invariant; did you mean at_most_one_owner?"),
        ({"x": ""}, "not_offered names 'x', which is no invariant; README lists them"),
        (("at_most_one_owner",), "not_offered must be a dict, such as"),
    ],
    ids=["misspelled", "unknown", "no-dict"],
)
def test_statement_that_says_nothing_is_refused(tmp_path: Path, not_offered: object, said: str) -> None:
    with pytest.raises(SubjectError) as refused:
        verify(write(tmp_path, EXCLUSIVE_CREATE, not_offered))
    assert said in str(refused.value)
