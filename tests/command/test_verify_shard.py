"""``verify --shard`` on the command line: which results are kept, how it resumes, which input is refused."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stateful.__main__ import main

SCENARIOS = ("--scenario", "exit-and-start-empty-1-kill", "--scenario", "one-start-stale")


def shard(file: Path, *options: str, subject: str = "direct-unlink", number: str = "1/1") -> int:
    command = ["verify", subject, *SCENARIOS, "--shard", number, "--json", str(file), "--workers", "1"]
    return main([*command, *options])


def content(file: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(file.read_text())
    return data


def test_shard_says_what_it_has_searched_and_keeps_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "shard.json"
    assert shard(file) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-2:] == [
        "Shard 1/1: 2 scenarios searched.",
        "The verdict is that of all shards: python -m stateful merge FILE ...",
    ]
    assert set(content(file)["results"]) == {"exit-and-start-empty-1-kill", "one-start-stale"}
    assert [path.name for path in tmp_path.iterdir()] == ["shard.json"]


def test_shard_that_finds_a_violation_says_a_schedule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert shard(tmp_path / "shard.json", subject="foreign-guard") == 1
    said = capsys.readouterr().out
    assert "a_dead_owner_can_be_replaced is violated:\n    python -m stateful replay foreign-guard --" in said


def test_shard_goes_on_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "shard.json"
    assert shard(file) == 0
    whole = content(file)
    data = content(file)
    del data["results"]["exit-and-start-empty-1-kill"]
    file.write_text(json.dumps(data))
    capsys.readouterr()
    assert shard(file) == 0
    said = capsys.readouterr().out
    assert said.startswith("exit-and-start-empty-1-kill")
    assert "one-start-stale" not in said
    again = content(file)
    assert again["seconds"] > data["seconds"]
    for each in (whole, again):
        del each["results"]["exit-and-start-empty-1-kill"]["seconds"]
    assert again["results"] == whole["results"]


def test_shard_whose_time_was_spent_is_unknown_and_is_searched_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "shard.json"
    options = ("--scenario", "three-starts-stale")
    assert shard(file, "--budget", "0.2", *options, subject="reference-status") == 3
    said = capsys.readouterr().out
    assert "scenarios searched (the time was spent); the same command resumes it." in said
    unfinished = content(file)["results"]["three-starts-stale"]
    assert not unfinished["exhaustive"]
    assert shard(file, "--budget", "0.2", *options, subject="reference-status") == 3
    assert "three-starts-stale" in capsys.readouterr().out


@pytest.mark.long
def test_workers_of_a_shard_find_what_one_process_finds(tmp_path: Path) -> None:
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    assert shard(one, number="1/2") == shard(two, "--workers", "2", number="1/2") == 0
    for file in (one, two):
        data = content(file)
        for result in data["results"].values():
            del result["seconds"]
        file.write_text(json.dumps(data["results"], sort_keys=True))
    assert one.read_text() == two.read_text()


@pytest.mark.parametrize(
    ("options", "says"),
    (
        (["--shard", "9/8"], "'9/8' is not a shard such as 3/8, the third of eight"),
        (["--shard", "1/2"], "--shard 1/2: there is nowhere to keep it; name a file with --json"),
        (["--shard", "1/2", "--json", "s", "--html", "page"], "--html: a shard has no verdict of its own"),
        (["--shard", "1/2", "--json", "s", "--save", "cases"], "--save: a shard has no verdict of its own"),
        (["--shard", "1/2", "--json", "s", "--confirm"], "--confirm: a shard has no verdict of its own"),
        (["--shard", "1/2", "--json", "no/such/s"], "no/such/s: cannot be written"),
    ),
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_options_of_no_use_are_one_line(
    options: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["verify", "direct-unlink", *SCENARIOS, *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert says in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("what", "number", "word"),
    (
        ("direct-unlink", "2/2", "shard"),
        ("direct-unlink", "1/3", "shard"),
        ("guarded-lock", "1/2", "subject"),
    ),
)
def test_file_of_another_shard_is_not_gone_on_with(
    what: str, number: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "shard.json"
    assert shard(file, number="1/2") == 0
    before = file.read_bytes()
    capsys.readouterr()
    assert shard(file, subject=what, number=number) == 2
    assert (
        f"what stands there is of another {word}; remove it, or name another file" in capsys.readouterr().err
    )
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "content", ("", "{}", "[]", "3", '{"shard": "1/2"}', "\x00", "[" * 100_000), ids=lambda text: text[:5]
)
def test_file_of_something_else_is_refused_and_left_alone(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "shard.json"
    file.write_text(content)
    assert shard(file) == 2
    assert "not the file of a shard; give one that" in capsys.readouterr().err
    assert file.read_text() == content
    assert main(["merge", str(file)]) == 2
    assert "not the file of a shard; give one that" in capsys.readouterr().err


def test_subject_that_is_none_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    subject = tmp_path / "broken.py"
    subject.write_text("import nothing_of_that_name\n")
    assert shard(tmp_path / "shard.json", subject=str(subject)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "it fails on import: ModuleNotFoundError" in err
    assert [path.name for path in tmp_path.iterdir()] == ["broken.py"]


def test_file_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", str(tmp_path / "none.json")]) == 2
    assert "none.json: it cannot be read (No such file or directory); give one" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.parametrize("ending", (signal.SIGTERM, signal.SIGKILL), ids=lambda ending: ending.name)
def test_shard_that_was_ended_is_gone_on_with(ending: signal.Signals, tmp_path: Path) -> None:
    file = tmp_path / "shard.json"
    command = [sys.executable, "-m", "stateful", "verify", "reference-status", "--workers", "2"]
    command += ["--scenario", "two-starts-*-1-kill", "--shard", "1/1", "--json", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        first = run.stdout.readline().split()[0]
        run.stdout.readline()
        run.send_signal(ending)
        run.communicate()
    assert run.returncode == (3 if ending == signal.SIGTERM else -signal.SIGKILL)
    before = content(file)["results"]
    assert before[first]["exhaustive"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"\n{first} " not in f"\n{done.stdout}"
    after = content(file)["results"]
    assert all(result["exhaustive"] for result in after.values())
    assert after[first] == before[first]
