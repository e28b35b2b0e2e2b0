"""A worker's slice: a finding is on disk before anything else is done with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from stateful.campaign import session
from stateful.campaign.corpus import Corpus, Kept
from stateful.campaign.messages import MINIMISE, REVISIT, Found, Message, Progress, Revisited, Slice
from stateful.explain.case_player import VIOLATED, recall
from stateful.explain.minimise import Weight
from stateful.model.invariants import INVARIANTS
from stateful.model.schedule import parse_schedule
from stateful.model.trace import Violation
from stateful.protocol.subject import find_subject
from stateful.run.replay import Nondeterminism

TWO_OWNERS = Kept(
    "direct-unlink", "any-empty", tuple(parse_schedule("start-A A1 start-B B8 A7")), "at_most_one_owner"
)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path)


def work(
    corpus: Corpus,
    member: str,
    *,
    subject: str = "direct-unlink",
    inputs: Sequence[Kept] = (),
    smallest: dict[str, Weight] | None = None,
    seconds: float = 0.5,
) -> list[Message]:
    """What a worker tells that has a slice."""
    told: list[Message] = []
    given = Slice(member, "s", seconds, 2, tuple(inputs), frozenset(), frozenset(), smallest or {})
    session.work(find_subject(subject), ("start",), 10, corpus, given, told.append)
    return told


def found_in(told: Sequence[Message]) -> list[Found]:
    return [message for message in told if isinstance(message, Found)]


def test_violation_is_on_disk_before_it_is_told_and_made_small(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(session, "smallest", killed)
    with pytest.raises(Killed):
        work(corpus, MINIMISE, inputs=[TWO_OWNERS])
    assert corpus.found("direct-unlink") == [TWO_OWNERS]


def test_schedule_that_was_found_becomes_a_small_case(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "LIMIT_MOVES", 1)  # It is small from the beginning.
    monkeypatch.setattr(session, "A_LITTLE_MOVES", 1)
    corpus.keep(TWO_OWNERS)
    raw, small = found_in(work(corpus, MINIMISE, inputs=corpus.found("direct-unlink")))
    assert (raw.minimal, small.minimal) == (False, True)
    assert small.trace.schedule == "A1 B8 A7"
    assert small.where == "direct-unlink-two-starts-empty-at_most_one_owner.case"
    assert corpus.found("direct-unlink") == []
    (case,) = corpus.cases("direct-unlink").values()
    assert recall(case).verdict == VIOLATED


def test_known_violation_is_only_counted(corpus: Corpus) -> None:
    nothing = dict.fromkeys(EVERY_INVARIANT, (0, 0, 0, 0))
    counted: set[str] = set()
    while not counted:  # A busy machine may need more than one slice.
        for message in work(corpus, "uniform", subject="foreign-guard", smallest=nothing):
            assert not isinstance(message, Found)
            if isinstance(message, Progress):
                counted |= message.violations.keys()
    assert not corpus.found("foreign-guard") and not corpus.cases("foreign-guard")


def test_kept_schedules_that_reach_the_same_are_dropped_but_for_one(corpus: Corpus) -> None:
    kept = [
        Kept("direct-unlink", "any-empty", tuple(parse_schedule(text)))
        for text in ("start-A A7", "start-A A7 crash-A")
    ]
    for each in kept:
        corpus.keep(each)
    told = work(corpus, REVISIT, inputs=kept)
    (revisited,) = [message for message in told if isinstance(message, Revisited)]
    assert revisited == Revisited((kept[0],), 1)
    assert corpus.kept("direct-unlink") == [kept[0]]


def test_what_reaches_something_first_is_kept(corpus: Corpus) -> None:
    kept: list[Kept] = []
    while not kept:  # A busy machine may need more than one slice.
        told = work(corpus, "pos", subject="reference", seconds=0.2)
        kept = [message for message in told if isinstance(message, Kept)]
    assert {*corpus.kept("reference")} == {*kept}


@pytest.mark.parametrize("member", ("hypothesis", "neighbour", "pct-4"))
def test_member_explores(member: str, corpus: Corpus) -> None:
    inputs = [Kept("direct-unlink", "any-empty", tuple(parse_schedule("start-A A8")))]
    broken = dict.fromkeys(EVERY_INVARIANT, (0, 0, 0, 0))
    progress: list[Progress] = []
    while not sum(message.runs for message in progress):  # A busy machine may need more than one slice.
        told = work(corpus, member, inputs=inputs, smallest=broken)
        progress += [message for message in told if isinstance(message, Progress)]
    assert sum(message.steps for message in progress) > 0
    assert any(message.states for message in progress)


EVERY_INVARIANT = [invariant.__name__ for invariant in INVARIANTS]


def test_violation_that_does_not_come_again_is_no_violation(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = session.replay

    def differently(*arguments: Any) -> Any:
        trace = real(*arguments)
        if len(calls := differently.__dict__.setdefault("calls", [])) > 0:
            trace.violation = Violation("at_most_one_owner", "others do")
        calls.append(1)
        return trace

    monkeypatch.setattr(session, "replay", differently)
    with pytest.raises(Nondeterminism, match="broke at_most_one_owner once, and then it did not"):
        work(corpus, MINIMISE, inputs=[TWO_OWNERS])
