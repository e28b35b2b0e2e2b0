"""The corpus: files are complete or absent, one file per content, and foreign files are left alone."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from stateful.campaign.corpus import Corpus, Kept
from stateful.explain.case import Case, Turn
from stateful.model.schedule import parse_schedule

KEPT = Kept("direct-unlink", "any-empty", tuple(parse_schedule("start-A A3 start-B B8 crash-A")))
BROKEN = KEPT._replace(invariant="at_most_one_owner")
CASE = Case("direct-unlink", None, "two-starts-empty", "at_most_one_owner", (Turn("A", "it owns"),))


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path / "corpus")


def test_schedule_is_read_as_it_was_kept(corpus: Corpus) -> None:
    corpus.keep(KEPT)
    corpus.keep(BROKEN)
    assert corpus.kept("direct-unlink") == [KEPT]
    assert corpus.found("direct-unlink") == [BROKEN]
    assert corpus.kept("reference") == corpus.found("reference") == []


def test_schedule_is_a_text_that_a_person_can_read(corpus: Corpus) -> None:
    assert BROKEN.text == (
        "# Kept by `python -m stateful fuzz`.\n"
        "subject: direct-unlink\n"
        "scenario: any-empty\n"
        "invariant: at_most_one_owner\n"
        "schedule: start-A A3 start-B B8 crash-A\n"
    )


def test_same_schedule_is_one_file_for_two_campaigns(corpus: Corpus) -> None:
    for one in (corpus, Corpus(corpus.folder)):
        one.keep(KEPT)
    assert corpus.kept("direct-unlink") == [KEPT]
    for one in (corpus, Corpus(corpus.folder)):
        one.drop(KEPT)
    assert corpus.kept("direct-unlink") == []


@pytest.mark.parametrize("content", ("", "subject: direct-unl", "schedule: A1 X\nsubject: s\n"))
def test_file_that_is_no_schedule_is_left_alone(corpus: Corpus, content: str) -> None:
    stranger = corpus.folder / "kept" / "0.schedule"
    stranger.write_text(content)
    assert corpus.kept("direct-unlink") == []
    assert stranger.read_text() == content


def test_case_gets_a_number_where_another_has_its_name(corpus: Corpus) -> None:
    other = Case(CASE.subject, None, CASE.scenario, CASE.invariant, (Turn("B", "it ends"),))
    names = [corpus.save(case).name for case in (CASE, CASE, other, other)]
    stem = "direct-unlink-two-starts-empty-at_most_one_owner"
    assert names == [f"{stem}.case"] * 2 + [f"{stem}-2.case"] * 2
    assert [*corpus.cases("direct-unlink").values()] == [other, CASE]


def test_full_disk_leaves_nothing_half_written(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    for write in (lambda: corpus.keep(BROKEN), lambda: corpus.save(CASE)):
        with pytest.raises(OSError, match="No space left"):
            write()
    assert [path for path in corpus.folder.rglob("*") if path.is_file()] == []
