"""Schedules as text: they are read back unchanged, and other text is refused with a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stateful.model.faults import CALL_FAULTS, FAULTS
from stateful.model.schedule import (
    EVENTS,
    LIVES,
    STEP,
    Move,
    ScheduleMismatch,
    count_switches,
    format_schedule,
    parse_schedule,
)

EXAMPLES = [parse_schedule(fault.written)[0] for fault in FAULTS.values()]
MOVES = st.one_of(
    st.builds(
        Move, st.sampled_from((STEP, *EVENTS, *CALL_FAULTS, *LIVES)), st.sampled_from("ABC"), st.just("")
    ),
    st.sampled_from(
        [
            *EXAMPLES,
            Move("recycle", "A"),
            Move("corrupt", "", "gateway.pid=0x7b7d"),
            Move("remove", "", "lock/pid"),
        ]
    ),
)


@given(st.lists(MOVES, min_size=1, max_size=30))
def test_schedule_comes_back_as_it_was_written(moves: list[Move]) -> None:
    assert parse_schedule(format_schedule(moves)) == moves


def test_adjacent_steps_are_one_turn() -> None:
    assert format_schedule(parse_schedule("A1 A2 B1 crash-A B1 B1")) == "A3 B1 crash-A B2"


def test_events_are_no_switches() -> None:
    assert count_switches(parse_schedule("A3 crash-A A1 B2 start-C B1 A1")) == 2


@pytest.mark.parametrize(
    "word",
    [
        "A",
        "A0",
        "a3",
        "3A",
        "AA3",
        "crash",
        "crash-a",
        "kill-A",
        "A99999",
        "A-1",
        "remove-..",
        "remove-lock/../x",
        "remove-/x",
        "remove-lock/",
    ],
)
def test_word_that_is_no_move_is_refused(word: str) -> None:
    with pytest.raises(ScheduleMismatch, match=f"^'{word}' is no turn or event: a schedule is words like A3"):
        parse_schedule(f"A1 {word}")


def test_empty_schedule_is_refused() -> None:
    with pytest.raises(ScheduleMismatch, match=r"^the schedule is empty"):
        parse_schedule("  ")
