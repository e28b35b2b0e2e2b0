"""Successive campaigns: the cases of one are rechecked first by the next, and kept schedules are shared."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stateful.__main__ import main
from stateful.campaign.campaign import Campaign, fuzz, show_nothing
from stateful.campaign.corpus import Corpus
from stateful.campaign.tally import Tally
from stateful.protocol.subject import find_subject
from stateful.report.campaign_text import is_violated
from stateful.run.examine import steps_of_a_start

LIMIT_S = 60.0
FUZZ = (sys.executable, "-m", "stateful", "fuzz")


def run(subject: Path, corpus: Corpus, until: Callable[[Tally], bool]) -> Tally:
    """A campaign with a worker, that ends once its tally is as wanted."""
    campaign = Campaign(
        find_subject(str(subject)),
        corpus,
        LIMIT_S,
        1,
        "seed",
        show_nothing,
        lambda: until(campaign.tally),
    )
    campaign.recheck()
    campaign.run()
    return campaign.tally


def has_a_case(tally: Tally) -> bool:
    return any(each.found.where.endswith(".case") for each in tally.violated.values())


def has_run(tally: Tally) -> bool:
    return tally.runs.total() > 0


def test_what_was_found_is_rechecked_first_and_fixed_once_it_is_mended(
    broken: Path, mended: str, tmp_path: Path
) -> None:
    corpus = Corpus(tmp_path / "corpus")
    first = run(broken, corpus, has_a_case)
    (violated,) = first.violated.values()
    assert violated.found.where in {path.name for path in corpus.cases(str(broken))}

    again = run(broken, corpus, lambda tally: True)
    assert {verdict for _, verdict, _ in again.rechecked} == {"VIOLATED"}
    assert is_violated(again)

    broken.write_text(mended)
    now = run(broken, corpus, has_run)
    assert {verdict for _, verdict, _ in now.rechecked} == {"FIXED"}
    assert not is_violated(now)


@pytest.mark.long
def test_two_campaigns_share_a_corpus(broken: Path, tmp_path: Path) -> None:
    """Each finds it, or, where the other had kept it by then, rechecks that case first: ``VIOLATED``."""
    command = (*FUZZ, str(broken), "--workers", "1", "--corpus", str(tmp_path / "corpus"))
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for each in both:
        assert each.stdout is not None
        assert any(line.lower().startswith("violated ") for line in each.stdout)
    for each in both:
        each.terminate()
        try:
            _, err = each.communicate(timeout=LIMIT_S)
        finally:
            each.kill()
        assert (each.returncode, err) == (1, "")
    corpus = Corpus(tmp_path / "corpus")
    assert corpus.cases(str(broken)) or corpus.found(str(broken))


def test_campaign_that_reaches_nothing_shows_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The canary: a subject that never owns breaks nothing that a random walk would see but this."""
    never = tmp_path / "never.py"
    never.write_text("def gateway(home, serve):\n    while True: home.exists()\n")
    status = main(
        ["fuzz", str(never), "--time", "0.01", "--workers", "1", "--corpus", str(tmp_path / "corpus")]
    )
    assert status == 3
    assert "unknown: nobody ever owned, so nothing was shown" in capsys.readouterr().out


def test_subject_that_is_not_modelled_ends_it_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forks = tmp_path / "forks.py"
    forks.write_text("import os\n\ndef gateway(home, serve):\n    os.fork()\n    serve()\n")
    status = main(["fuzz", str(forks), "--workers", "1", "--corpus", str(tmp_path / "corpus")])
    assert status == 2
    output = capsys.readouterr()
    assert output.err.startswith("stateful: the subject called os.fork()")
    assert output.err.count("\n") == 1


@pytest.mark.parametrize("asked_s", (0.25, 1.0, 3_600.0))
def test_time_is_what_was_asked_for(asked_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its slices take all of it and no more, on a clock that only they move."""
    now_s = 128.0  # with a whole number of halves, all sums are exact

    def take_turns(*arguments: Any) -> None:
        nonlocal now_s
        for each in arguments[2]:
            assert each.seconds > 0
            now_s += each.seconds

    monkeypatch.setattr("stateful.campaign.campaign.time", SimpleNamespace(monotonic=lambda: now_s))
    monkeypatch.setattr("stateful.campaign.campaign.in_parallel", take_turns)
    tally = fuzz(find_subject("direct-unlink"), Corpus(tmp_path), seconds=asked_s, workers=1, seed="0")
    assert tally.seconds == asked_s


def test_steps_of_a_start_are_counted() -> None:
    assert steps_of_a_start(find_subject("direct-unlink")) == 8


@pytest.mark.parametrize(
    ("option", "value", "said"),
    (
        ("--time", "soon", "argument --time: 'soon' is not a time such as 90s, 30m or 8h"),
        ("--time", "0", "argument --time: '0' is not a time such as 90s, 30m or 8h"),
        ("--corpus", __file__, "no corpus can be kept there: Not a directory; name another folder"),
    ),
)
def test_wrong_input_is_one_line(
    option: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fuzz", option, value]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
