"""The text of a campaign, verbatim."""

from __future__ import annotations

import io
import json
import math

from rich.console import Console

from stateful.campaign.messages import Found, Progress
from stateful.campaign.tally import Tally
from stateful.command.fuzz import CampaignDisplay, exit_status
from stateful.model.goals import GOALS
from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.report.campaign_text import clock, rows
from stateful.report.text import LIMIT_COLUMNS
from stateful.run.replay import replay


def found(*, minimal: bool) -> Found:
    scenario = find_scenario("two-starts-empty")
    trace = replay(find_subject("direct-unlink"), scenario, parse_schedule("A1 B8 A7"))
    return Found(trace, minimal, "a.case" if minimal else "0123.schedule")


def tally_of(seconds: float = 12.0) -> Tally:
    tally = Tally("direct-unlink", 2, 60.0, offered=("start", "status"))
    tally.note_moment()
    tally.seconds = seconds
    tally.hear(
        Progress(
            "pct-3",
            runs=120,
            steps=2_400,
            states=b"".join(number.to_bytes(8, "little") for number in range(500)),
            orderings=frozenset({"gateway.pid: start open, then start unlink"}),
            goals=frozenset({*GOALS} - {"an_owner_released", "a_stop_succeeded"}),
            faults={"crash": 30, "eio": 2, "disk-well": 120},
            violations={"at_most_one_owner": 4},
            sampled={3: (90, 90 * math.log1p(-1 / 200)), 6: (1, math.log1p(-1e-9))},
            lines=frozenset({("/somewhere/gate.py", number) for number in (1, 2, 3, 9)}),
            all_lines=frozenset({("/somewhere/gate.py", number) for number in range(1, 12)}),
        )
    )
    return tally


def shown(tally: Tally, *messages: Found) -> tuple[str, list[dict[str, object]]]:
    """What a display says that is not on a terminal, and the events that it writes."""
    out, events = io.StringIO(), io.StringIO()
    with CampaignDisplay(Console(file=out, highlight=False, soft_wrap=True), events) as display:
        display.show(tally, None)
        for message in messages:
            tally.hear(message)
            display.show(tally, message)
        display.finish(tally)
    return out.getvalue(), [json.loads(line) for line in events.getvalue().splitlines()]


def test_each_campaign_of_a_watch_tells_all_of_its_cases() -> None:
    out = io.StringIO()
    with CampaignDisplay(Console(file=out, highlight=False, soft_wrap=True)) as display:
        for verdict in ("VIOLATED", "FIXED"):
            tally = tally_of()
            for name in ("one.case", "other.case"):
                tally.rechecked.append((name, verdict, ""))
                display.show(tally, None)
    cases = [line.split() for line in out.getvalue().splitlines() if line.endswith(".case")]
    assert cases == [[v, name] for v in ("VIOLATED", "FIXED") for name in ("one.case", "other.case")]


def test_display_without_a_terminal_is_lines() -> None:
    tally = tally_of()
    tally.lost.append("a worker ended with exit status -9 at pos")
    tally.rechecked.append(("old.case", "FIXED", ""))
    text, _ = shown(tally)
    assert (
        text
        == """\
FIXED       old.case
replaced    a worker ended with exit status -9 at pos
0:48 left  200 steps/s  10 runs/s  500 states (+500.0%/min)  6/7 goals  width 2  no violation

direct-unlink: no violation in 0:12 with 2 workers
  rechecked   1 FIXED
  replaced    a worker ended with exit status -9 at pos
  executions  120: pct-3 120
  steps       2,400; 200 per second in the first quarter of the time, 200 in the last
  states      500 at least; the last new one came after 0:12
  orderings   1; drafts were 2 wide at the end, of 8
  faults      crash 30, eio 2
  lines       4 of 11 of the subject have run
  PCT         chance of having missed a race that each run could have shown: 3 events, up to 64 %
              after 90 runs; 6 events, up to nearly 100 % after 1 run
  not reached goals: an_owner_released
  not reached faults: term, int, sigstop, term-in, int-in, raise, enospc, erofs, eacces, eperm,
              emfile, enolck, eintr, short, recycle, lookalike, parent-gone, reboot, power-loss,
              clock, suspend, later, disk-full, read-only, listing, plant
  not reached lines: gate.py 4-8, 10-11
  not tried   corruption, lost-home, removal, which few protocols promise to survive
"""
    )


def test_violation_is_told_at_once_and_again_when_it_is_small() -> None:
    text, events = shown(tally_of(), found(minimal=False), found(minimal=True))
    assert text.splitlines()[1:3] == [
        "violated    0:12  at_most_one_owner: 16 steps, to be made smaller",
        "violated    0:12  at_most_one_owner: 16 steps, a.case",
    ]
    assert "at_most_one_owner is violated: A and B both own the gateway" in text
    assert "  violated    at_most_one_owner: 16 steps, no faults, a.case\n" in text
    assert [event["event"] for event in events] == ["progress", "violated", "violated", "summary"]
    assert events[2] == {
        "event": "violated",
        "seconds": 12.0,
        "invariant": "at_most_one_owner",
        "steps": 16,
        "faults": [],
        "scenario": "two-starts-empty",
        "schedule": "A1 B8 A7",
        "minimal": True,
        "file": "a.case",
    }


def test_summary_is_narrow() -> None:
    text, _ = shown(tally_of(), found(minimal=False))
    assert max(map(len, text.splitlines()[1:])) <= LIMIT_COLUMNS
    assert "there was no time to make it smaller" in " ".join(text.split())


def test_live_display_shows_what_matters() -> None:
    tally = tally_of()
    tally.hear(found(minimal=True))
    assert rows(tally) == [
        ("time left", "0:48"),
        ("workers", "2"),
        ("steps", "2,400, 200 per second"),
        ("executions", "120, 10.0 per second"),
        ("states", "500, growing by 500.0% a minute"),
        ("last new", "0:00 ago"),
        ("orderings", "1, drafts up to 2 wide"),
        ("goals", "6 of 7"),
        ("violated: at_most_one_owner", "16 steps, a.case"),
    ]


def test_terminal_gets_a_table_that_goes_away() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=80, highlight=False)
    with CampaignDisplay(console) as display:
        display.show(tally_of(), None)
    assert "time left" in out.getvalue()


def test_exit_status_says_what_came_of_it() -> None:
    holds, violated, interrupted, full = (tally_of() for _ in range(4))
    violated.hear(found(minimal=True))
    interrupted.interrupted = True
    full.trouble = "ended early: No space left on device"
    assert [exit_status(tally) for tally in (holds, violated, interrupted, full)] == [0, 1, 3, 3]
    violated.interrupted = True
    assert exit_status(violated) == 1
    assert exit_status(Tally("reference", 2, 60.0)) == 3  # nothing was explored
    known = tally_of()
    known.rechecked.append(("old.case", "VIOLATED", "still"))
    assert exit_status(known) == 1


def test_spans_of_time_are_short() -> None:
    assert [clock(seconds) for seconds in (0, 9.6, 61, 3_661)] == ["0:00", "0:10", "1:01", "1:01:01"]
