"""Power loss in the search: exact numbers of images, the profile a subject needs, what the verdict counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stateful.kernel import persistence
from stateful.model.faults import ORDERED, POSIX, WRITEBACK
from stateful.model.schedule import ScheduleMismatch, parse_schedule
from stateful.model.standard import BY_NAME, SCENARIOS, find_scenario
from stateful.protocol.subject import find_subject
from stateful.report.text import trace_text
from stateful.report.verdict import as_json, summary
from stateful.run.examine import examine
from stateful.run.execution import Execution
from stateful.search.disk_memo import UNKNOWN, DiskMemo
from stateful.search.explorer import Explorer
from stateful.search.memory import Memory
from stateful.search.power_losses import weakest_needed
from stateful.search.result import Result
from stateful.verification.verification import verify
from tests.shortened import shortened

ROOT = Path(__file__).parents[2]
RENAME = "tests/planted/trusts_the_rename.py"
ORDER = "tests/planted/trusts_the_order_of_names.py"
TEXTS = ROOT / "tests" / "report" / "counterexamples"

# Distinct images with ordered, more with writeback, more with posix; and the weakest profile that is needed.
IMAGES = {
    ("direct-unlink", "one-start-stale"): ((4, 2, 0), POSIX),
    ("unlinked-lock", "exit-and-start-empty"): ((5, 3, 6), POSIX),
    ("guarded-lock", "one-start-stale"): ((2, 0, 0), None),
    ("scoped-lock", "one-start-empty"): ((4, 2, 4), POSIX),
    ("reference-status", "one-start-stale"): ((7, 5, 60), POSIX),
    (RENAME, "one-start-empty"): ((4, 5, 4), ORDERED),
    (ORDER, "one-start-empty"): ((4, 5, 1), WRITEBACK),
    ("reference-status", "two-starts-empty"): ((8, 7, 61), POSIX),
}


def search(subject: str, name: str) -> Result:
    return verify(subject, [find_scenario(f"{name}-1-power-loss")]).results[0]


@pytest.mark.parametrize(("subject", "name"), shortened(IMAGES, len(IMAGES) - 1), ids=lambda value: value)
def test_images_and_the_weakest_profile_are_exact(subject: str, name: str) -> None:
    result = search(subject, name)
    images, needed = IMAGES[subject, name]
    assert tuple(lost.images for lost in result.power_losses.values()) == images
    assert all(lost.whole for lost in result.power_losses.values())
    assert weakest_needed([result.power_losses]) == needed
    assert result.exhaustive


@pytest.mark.long
def test_reference_needs_nothing_to_be_synced() -> None:
    result = search("reference", "one-start-stale")
    assert result.verdict == "holds"
    assert [lost.images for lost in result.power_losses.values()] == [12, 165, 884]
    assert [lost.whole for lost in result.power_losses.values()] == [True, True, False]


def test_what_writeback_breaks_is_violated_and_told_word_for_word() -> None:
    found = verify(RENAME, [find_scenario("one-start-empty-1-power-loss")])
    assert found.verdict == "violated"
    text = (TEXTS / "trusts-the-rename.txt").read_text(encoding="utf-8").rstrip("\n")
    assert [trace_text(trace) for trace in found.violations.values()] == [text]


def test_one_sync_before_the_rename_mends_it(tmp_path: Path) -> None:
    text = (ROOT / RENAME).read_text(encoding="utf-8")
    synced = "with open(new, 'w') as f: f.write(str(os.getpid())); f.flush(); os.fsync(f.fileno())"
    (tmp_path / "subject.py").write_text(text.replace("new.write_text(str(os.getpid()))", synced))
    result = search(str(tmp_path / "subject.py"), "one-start-empty")
    assert weakest_needed([result.power_losses]) == POSIX
    assert [lost.images for lost in result.power_losses.values()] == [4, 2, 1]


def test_readme_says_how_many_images_are_tried() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"the {persistence.MOST_IMAGES[POSIX]} at each moment" in readme


def test_what_posix_alone_breaks_is_told_and_no_violation() -> None:
    found = verify(ORDER, [find_scenario("one-start-empty-1-power-loss")])
    assert found.verdict == "holds"
    lines = summary(found)
    start = next(number for number, line in enumerate(lines) if "power loss " in line)
    assert " ".join(" ".join(lines[start:]).split()) == (
        "power loss needs writeback (ext4, XFS or btrfs as they are mounted by default); broken with posix, "
        "10 disk images tried (4 with ordered, 5 more with writeback, 1 more with posix)"
    )
    told = as_json(found)["scenarios"][0]["power_losses"]["posix"]
    assert told["all"] and list(told["broken"]) == ["only_documented_errors"]
    json.dumps(told)


def test_without_kills_and_syncs_the_planted_subjects_hold() -> None:
    for subject in (RENAME, ORDER):
        names = ("one-start-empty", "one-start-empty-1-kill")
        assert verify(subject, [find_scenario(name) for name in names]).verdict == "holds"


# The long ones take more images, and none that are of another kind.
@pytest.mark.parametrize(
    "name",
    (
        *("direct-unlink", RENAME),
        *(pytest.param(name, marks=pytest.mark.long) for name in ("reference-status", "reference")),
    ),
)
def test_reductions_leave_out_no_image(name: str) -> None:
    scenario, subject = find_scenario("one-start-stale-1-power-loss"), find_subject(name)
    images = []
    for reduced in (True, False):
        memory = Memory(subject, scenario.disk, loses_power=True)
        *_, result = Explorer(examine(subject), [scenario], memory, reduced=reduced).run()
        images.append([(lost.images, set(lost.broken)) for lost in result.power_losses.values()])
        memory.close()
    assert images[0] == images[1]


@pytest.mark.parametrize(
    "subject", (ORDER, *(pytest.param(name, marks=pytest.mark.long) for name in (RENAME, "reference-status")))
)
def test_disks_that_are_taken_for_alike_are(subject: str, monkeypatch: pytest.MonkeyPatch) -> None:
    some = search(subject, "one-start-stale")
    monkeypatch.setattr(DiskMemo, "answer", lambda self, disk: UNKNOWN)
    each = search(subject, "one-start-stale")
    assert each.calls >= some.calls
    assert each.states == some.states
    assert [set(lost.broken) for lost in each.power_losses.values()] == [
        set(lost.broken) for lost in some.power_losses.values()
    ]


def test_more_images_than_are_tried_make_the_verdict_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    persistence._images.cache_clear()
    monkeypatch.setitem(persistence.MOST_IMAGES, WRITEBACK, 3)
    result = search("direct-unlink", "one-start-stale")
    persistence._images.cache_clear()
    assert result.verdict == "unknown"
    assert result.reason == "a power loss leaves more than 3 images"


@pytest.mark.parametrize(
    ("name", "schedule"),
    (
        ("one-start-stale", "A5 power-loss-ordered-1"),
        ("one-start-stale-1-power-loss", "A5 power-loss-ordered-99"),
        ("one-start-stale-1-power-loss", "A5 power-loss-ordered-1 power-loss-ordered-1"),
    ),
)
def test_power_loss_that_is_not_possible_is_refused(name: str, schedule: str) -> None:
    with Execution(find_subject("direct-unlink"), find_scenario(name)) as execution:
        *moves, last = parse_schedule(schedule)
        for move in moves:
            execution.make(move)
        with pytest.raises(ScheduleMismatch, match="there is no such image here"):
            execution.make(last)


def test_scenarios_that_keep_track_of_the_disk_are_those_with_power_losses() -> None:
    for scenario in (*SCENARIOS, *BY_NAME):
        assert scenario.loses_power == ("power-loss" in scenario.name)
