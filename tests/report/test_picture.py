"""The picture of a trace: for each row the state of each process, the disk, and the reasons that name it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stateful.explain.disk_words import LONGEST_CONTENT, shown
from stateful.model.disk import LIMIT_CONTENT_BYTES
from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario
from stateful.model.trace import Trace
from stateful.protocol.subject import find_subject
from stateful.report.picture import Fold, LinePart, Picture, Row, draw, folded
from stateful.run.replay import replay

HISTORY = ("foreign-guard", "direct-unlink", "guarded-lock", "unlinked-lock")


def drawn(subject: str, scenario: str, schedule: str) -> Picture:
    return draw(replay(find_subject(subject), find_scenario(scenario), parse_schedule(schedule)))


def sketch(picture: Picture) -> str:
    """A picture, line by line."""
    lines = []
    for row in picture.rows:
        stands = " ".join(f"{one}>{other}" for one, other in zip(row.above, row.below, strict=True))
        marks = [word for word in ("failed", "fault", "takes", "own") if getattr(row, word)]
        marks += [f"after {row.after}"] * bool(row.after) + [f"reason {number}" for number in row.reasons]
        lines.append(f"{row.key:>3} {row.letter} {row.call} = {row.answer}  [{stands}]  {', '.join(marks)}")
        lines += [f"      {change.sign} {change.name} {change.content}".rstrip() for change in row.changes]
    lines += [f"disk {number}: {disk_text(picture, number)}" for number in range(len(picture.disks))]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def disk_text(picture: Picture, number: int) -> str:
    entries = []
    for entry in picture.disks[number]:
        locks = (f"locked by {letter}" for letter in entry.locked_by)
        entries.append(" ".join(filter(None, (entry.name, entry.kind, entry.content, *locks))))
    return "; ".join(entries)


@pytest.mark.parametrize("name", HISTORY)
def test_picture_is_as_written(
    name: str, history: Callable[[str], Trace], as_written: Callable[[str, str], None]
) -> None:
    as_written(f"pictures/{name}.txt", sketch(draw(history(name))))


def test_sentence_is_cut_where_it_names_steps(history: Callable[[str], Trace]) -> None:
    first, second = draw(history("direct-unlink")).reasons[:2]
    assert first.steps == (7, 9)
    assert first.parts[:2] == (LinePart("B owns the gateway from ", None), LinePart("step 9", 9))
    assert second.steps == (1, 10, 16)
    assert str(second).endswith("on the strength of what step 1 saw: a contradiction.")


def test_two_files_of_one_name_are_told_apart(history: Callable[[str], Trace]) -> None:
    picture = draw(history("unlinked-lock"))
    assert disk_text(picture, picture.rows[17].disk) == (
        "gateway.lock locked by A; gateway.lock has no name any more, but is open locked by B"
    )


def test_bar_ends_where_another_process_killed_the_owner() -> None:
    picture = drawn("tests/planted/replaces_by_force.py", "replace-of-owner-empty", "A4 B7")
    kill = next(row for row in picture.rows if row.call.startswith("kill(101, SIGKILL"))
    assert (kill.letter, kill.peer, kill.above[0], kill.below[0]) == ("B", "A", "owns", "absent")


def test_event_has_a_key_of_its_own_and_a_stopped_owner_hangs() -> None:
    picture = drawn("reference", "any-empty", "start-A A36 sigstop-A crash-A start-B B3")
    keys = [row.key for row in picture.rows]
    assert len(set(keys)) == len(keys)
    stopped, killed = picture.rows[-5:-3]
    assert (stopped.number, stopped.below) == (None, ("hung", "absent"))
    assert (killed.call, killed.below) == ("killed (SIGKILL)", ("absent", "absent"))


def test_pid_that_several_have_names_nobody() -> None:
    picture = drawn("guarded-lock", "one-start-containers", "A19 status-B B11")
    assert [row.peer for row in picture.rows if row.call.startswith("kill(1, ")] == ["", ""]


def test_lost_home_is_told() -> None:
    picture = drawn("reference", "any-empty", "start-A A36 home-gone")
    assert disk_text(picture, picture.rows[-1].disk).startswith(". (the home) is gone")
    assert picture.rows[-1].letter == ""


def test_stretches_of_own_steps_are_folded_and_no_row_is_lost(long_trace: Trace) -> None:
    rows = draw(long_trace).rows
    shown_rows = folded(rows, 3)
    folds = [each for each in shown_rows if isinstance(each, Fold)]
    assert folds
    assert all(len(fold.rows) >= 3 and len({row.letter for row in fold.rows}) == 1 for fold in folds)
    flat = [row for each in shown_rows for row in ([each] if isinstance(each, Row) else each.rows)]
    assert tuple(flat) == rows


SHOWN = {
    b"": "",
    b"\x00" * 12: "12 zero bytes",
    b'{"pid": 1}\n': '{"pid": 1}\n',
    b"\xff\x1b[31m": "\\xff\\x1b[31m",
    b"x" * LIMIT_CONTENT_BYTES: f"{'x' * LONGEST_CONTENT} ... and 1,047,576 bytes more",
}


@pytest.mark.parametrize("content", SHOWN, ids=range(len(SHOWN)))
def test_content_is_shown_with_what_cannot_be_seen(content: bytes) -> None:
    assert shown(content) == SHOWN[content]


def test_calls_in_which_processes_wait_for_ever_are_the_last_rows() -> None:
    subject, scenario = find_subject("lock-order-deadlock"), find_scenario("exit-and-start-empty")
    rows = draw(replay(subject, scenario, parse_schedule("A8 exit-A A1 B3"))).rows
    assert [(row.key, row.letter, row.call) for row in rows[-2:]] == [
        ("12a", "A", "flock(gateway.guard, EX) waits for ever"),
        ("12b", "B", "flock(gateway.lock, EX) waits for ever"),
    ]
