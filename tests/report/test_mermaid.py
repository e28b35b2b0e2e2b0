"""The sequence diagrams of the four historical subjects, verbatim; escaped characters; long diagrams."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario
from stateful.model.trace import Trace
from stateful.protocol.subject import find_subject
from stateful.report.mermaid import MOST_ROWS, escape, mermaid
from stateful.run.replay import replay

HISTORY = ("foreign-guard", "direct-unlink", "guarded-lock", "unlinked-lock")

SHOWN = {
    "plain": "plain",
    'read(x) = {"pid": 99}': 'read(x) = {"pid": 99}',
    "a;b#c": "a#59;b#35;c",
    "<b>%%`": "#60;b#62;#37;#37;#96;",
    "two\nlines\x00": "two lines ",
    "x" * 100: "x" * 87 + "...",
}


@pytest.mark.parametrize("name", HISTORY)
def test_diagram_is_as_written(
    name: str, history: Callable[[str], Trace], as_written: Callable[[str, str], None]
) -> None:
    as_written(f"diagrams/{name}.mmd", mermaid(history(name)))


@pytest.mark.parametrize("text", SHOWN, ids=range(len(SHOWN)))
def test_what_mermaid_treats_specially_is_escaped(text: str) -> None:
    assert escape(text) == SHOWN[text]


def test_bar_of_an_owner_that_another_killed_ends_there() -> None:
    trace = replay(
        find_subject("reference"), find_scenario("any-empty"), parse_schedule("start-A A36 sigstop-A crash-A")
    )
    lines = mermaid(trace).rstrip("\n").split("\n    ")
    assert lines.index("activate A") < lines.index("Note over A: fault: killed (SIGKILL)")
    assert lines.index("Note over A: fault: killed (SIGKILL)") + 1 == lines.index("deactivate A")


def test_long_diagram_says_how_much_it_leaves_out_and_keeps_its_bars_in_pairs(long_trace: Trace) -> None:
    lines = mermaid(long_trace).rstrip("\n").split("\n    ")
    assert sum(" left out" in line for line in lines) == 1
    assert len(lines) < 2 * MOST_ROWS
    for letter in long_trace.lives:
        assert lines.count(f"activate {letter}") == lines.count(f"deactivate {letter}")
