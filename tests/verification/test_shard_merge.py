"""Shards that are searched separately and merged give the result of one search."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stateful.__main__ import main
from stateful.model.standard import find_scenarios
from stateful.verification.certificate import Unfit, read
from stateful.verification.shard_merge import merge
from stateful.verification.verification import Verification, verify

SEARCHES = (
    ("foreign-guard", 3, ("one-start-stale-1-kill",)),
    ("direct-unlink", 2, ("exit-and-start-empty-2-kills", "outage-under-launchd-empty")),
    ("tests/planted/replaces_by_force.py", 2, ("replace-of-owner-empty-1-kill",)),
)
LONG = (
    ("direct-unlink", 3, ("exit-and-start-empty-1-reboot-1-recycled-pid",)),  # two shards have no reboot
    ("direct-unlink", 2, ("two-starts-empty-2-kills", "two-starts-stale")),
    ("foreign-guard", 3, ("two-starts-stale-1-kill", "one-start-empty-1-power-loss")),
    ("guarded-lock", 2, ("start-and-exit-stale-1-kill", "outage-under-launchd-empty")),
    ("unlinked-lock", 2, ("two-starts-empty-1-kill",)),
    ("direct-unlink", 4, ("three-starts-empty-*",)),
    ("reference-status", 3, ("two-starts-stale*", "stop-of-owner-empty-1-*")),
    ("reference", 2, ("two-starts-empty-*", "start-and-exit-stale-1-*")),
    ("direct-unlink", 5, ()),
)


def search_shards(subject: str, of: int, patterns: tuple[str, ...], folder: Path) -> list[Path]:
    """The files of all shards."""
    files = [folder / f"{number}.json" for number in range(1, of + 1)]
    chosen = [word for pattern in patterns for word in ("--scenario", pattern)]
    for number, file in enumerate(files, 1):
        status = main(
            ["verify", subject, *chosen, "--shard", f"{number}/{of}", "--json", str(file), "--workers", "1"]
        )
        assert status in (0, 1)
    return files


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The files of two shards, which are made once."""
    folder = tmp_path_factory.mktemp("searched")
    return search_shards("direct-unlink", 2, ("exit-and-start-empty-2-kills",), folder)


@pytest.fixture
def two_shards(searched: list[Path], tmp_path: Path) -> list[Path]:
    """The files of two shards, to do anything with."""
    return [Path(shutil.copy(file, tmp_path)) for file in searched]


def merged(files: list[Path]) -> Verification:
    return merge({file.name: read(file) for file in files})


def told(found: Verification) -> dict[str, Any]:
    """What is the same, however a verification has come about."""
    return {
        "verdict": found.verdict,
        "states": [result.states for result in found.results],
        "faults": [result.faults for result in found.results],
        "verdicts": [result.verdict for result in found.results],
        "reasons": [(result.reason, result.exhaustive, result.unreached) for result in found.results],
        "power": [
            {
                profile: (lost.images, lost.whole, set(lost.broken))
                for profile, lost in each.power_losses.items()
            }
            for each in found.results
        ],
        "respawns": [each.chronicle and each.chronicle.respawns for each in found.results],
        "violations": [
            {invariant: len(trace.steps) for invariant, trace in result.violations.items()}
            for result in found.results
        ],
        "smallest": {
            invariant: (trace.length, trace.switches) for invariant, trace in found.violations.items()
        },
        "totals": (found.states, found.states_of_faults, found.faults),
    }


@pytest.mark.parametrize(
    ("subject", "of", "patterns"),
    [*SEARCHES, *(pytest.param(*search, marks=pytest.mark.long) for search in LONG)],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_merged_shards_are_what_one_search_is(
    subject: str, of: int, patterns: tuple[str, ...], tmp_path: Path
) -> None:
    scenarios = [scenario for pattern in patterns for scenario in find_scenarios(pattern)]
    one = verify(subject, scenarios) if scenarios else verify(subject)
    assert told(merged(search_shards(subject, of, patterns, tmp_path))) == told(one)


@pytest.mark.long
def test_merged_says_the_text_of_the_counterexample_that_one_search_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = search_shards("direct-unlink", 2, ("two-starts-stale-1-kill",), tmp_path)
    capsys.readouterr()
    assert main(["merge", *map(str, files), "--json", str(tmp_path / "merged")]) == 1
    merged_text = capsys.readouterr().out
    assert main(["verify", "direct-unlink", "--scenario", "two-starts-stale-1-kill"]) == 1
    one = capsys.readouterr().out
    start, end = "at_most_one_owner is violated", "direct-unlink: violated"
    assert (
        merged_text[merged_text.index(start) : merged_text.index(end)]
        == one[one.index(start) : one.index(end)]
    )
    data = json.loads((tmp_path / "merged").read_text())
    assert data["scenarios"][0]["states"] == 427
    assert data["scenarios"][0]["faults_tried"] == {"kill": 250}


def test_missing_shard_is_unknown_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = search_shards("direct-unlink", 3, ("exit-and-start-empty-2-kills",), tmp_path)
    capsys.readouterr()
    assert main(["merge", str(files[0]), str(files[2])]) == 3
    said = capsys.readouterr().out
    assert "exit-and-start-empty-2-kills: shard 2: missing" in said
    assert said.endswith("Missing: shard 2/3\n")


def test_shard_that_is_not_finished_is_unknown_and_named(two_shards: list[Path]) -> None:
    change(two_shards[1], lambda data: data.update(results={}))
    found = merged(two_shards)
    assert found.verdict == "unknown"
    assert found.results[0].reason == "shard 2: not begun"


def test_parts_that_were_dealt_from_other_states_are_unknown(two_shards: list[Path]) -> None:
    change(two_shards[1], lambda data: result(data)["seen"].update(basis="AAAAAAAAAAA="))
    found = merged(two_shards)
    assert found.verdict == "unknown"
    assert found.results[0].reason == "its shards did not begin with the same states; search it in one"


OTHERS: dict[str, Callable[[dict[str, Any]], None]] = {
    "another number of shards": lambda data: data.update(shard="2/3"),
    "another subject": lambda data: data.update(subject="guarded-lock"),
    "another scenarios": lambda data: data.update(scenarios=["exit-and-start-empty", *data["scenarios"]]),
    "another source of the subject": lambda data: data["made_of"].update(subject="00"),
    "another version of the harness": lambda data: data["made_of"].update(harness="00"),
    "another Python": lambda data: data["made_of"].update(python="3.9"),
}


@pytest.mark.parametrize("word", OTHERS)
def test_shards_of_something_else_are_refused(word: str, two_shards: list[Path]) -> None:
    change(two_shards[1], OTHERS[word])
    with pytest.raises(Unfit, match=word.removeprefix("another ")):
        merged(two_shards)


def test_shards_of_a_subject_that_has_changed_since_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    subject = folder / "race.py"
    subject.write_text("def gateway(home, serve):\n    home.exists()\n    serve()\n")
    files = search_shards(str(subject), 1, ("one-start-empty",), tmp_path)
    assert merged(files).verdict == "violated"
    subject.write_text("def gateway(home, serve):\n    home.is_dir()\n    serve()\n")
    with pytest.raises(Unfit, match="the shards are of another source of the subject than there is here"):
        merged(files)


def test_one_shard_twice_is_refused(two_shards: list[Path]) -> None:
    first, _ = two_shards
    again = first.with_name("again.json")
    again.write_bytes(first.read_bytes())
    with pytest.raises(Unfit, match=r"1\.json and again\.json are both shard 1/2; give one of them"):
        merged([first, again])


TAMPERED: dict[str, Callable[[dict[str, Any]], None]] = {
    "fewer digests": lambda data: result(data)["seen"].update(states=result(data)["seen"]["states"][12:-4]),
    "no digests": lambda data: result(data)["seen"].update(states=""),
    "no base64": lambda data: result(data)["seen"].update(states="!"),
    "no number": lambda data: result(data).update(states="many"),
    "no states": lambda data: result(data).pop("states"),
    "no schedule": lambda data: result(data).update(violations={"at_most_one_owner": "Z9 ?"}),
    "a schedule that breaks nothing": lambda data: result(data).update(
        violations={"at_most_one_owner": "A1"}
    ),
    "no table": lambda data: data["results"].update(dict.fromkeys(data["results"], 3)),
}


@pytest.mark.parametrize("how", TAMPERED)
def test_file_that_was_changed_is_one_line(
    how: str, two_shards: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    change(two_shards[0], TAMPERED[how])
    capsys.readouterr()
    assert main(["merge", *map(str, two_shards)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "cannot be used" in err


def test_shard_is_never_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = search_shards("foreign-guard", 1, ("one-start-stale",), tmp_path)
    before = files[0].read_bytes()
    for option in ("--json", "--html"):
        capsys.readouterr()
        assert main(["merge", str(files[0]), option, str(files[0])]) == 2
        assert capsys.readouterr().err.endswith("it is a shard to be merged; give the name of another file\n")
    assert files[0].read_bytes() == before


def _counterexamples(text: str) -> str:
    start, end = "at_most_one_owner is violated", "direct-unlink: violated"
    return text[text.index(start) : text.index(end)]


def change(file: Path, how: Callable[[dict[str, Any]], None]) -> None:
    data = json.loads(file.read_text())
    how(data)
    file.write_text(json.dumps(data))


def result(data: dict[str, Any]) -> dict[str, Any]:
    """The only result."""
    (found,) = data["results"].values()
    assert isinstance(found, dict)
    return found
