"""The text of a counterexample, verbatim, and the same whether the search or a machine has found it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stateful.explain.minimise import minimise, name_scenario
from stateful.explain.needs import explain
from stateful.explain.reasons import reasons
from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario
from stateful.model.trace import Trace
from stateful.protocol.mutant_table import MUTANTS
from stateful.protocol.subject import Subject, find_subject
from stateful.report.text import LIMIT_COLUMNS, LIMIT_LINES, trace_text
from stateful.run.execution import Execution
from stateful.run.replay import replay
from stateful.sample.invariant_violated import InvariantViolated, write_counterexamples_with
from stateful.verification.verification import verify
from tests.shortened import sampled

TEXTS = Path(__file__).parent / "counterexamples"

# The scenario in which the search finds it first, and a roundabout way to the same in an open-ended one.
FIRST = {
    "foreign-guard": ("one-start-empty", "start-A A9 status-B B2 term-A A1 crash-A crash-B start-C C20"),
    "direct-unlink": ("two-starts-empty", "start-A start-B B1 status-C A9 C2 crash-C B9"),
    "guarded-lock": ("one-start-empty", "start-A A9 start-B B3 crash-B crash-A start-C C20"),
    "unlinked-lock": ("two-starts-empty", "start-A start-B status-C C1 A2 B14 crash-C A12"),
}


# What is planted, and the scenario in which the search finds it.
PLANTED = {
    "signals_whoever_has_the_pid": "one-replace-lookalike",
    "exits_1_when_replaced": "replace-of-owner-empty",
    "exits_0_when_terminated": "start-and-exit-stale-1-sigterm",
    "spares_the_stopped": "replace-of-owner-empty-1-sigstop",
    "spins": "one-start-empty",
}
# Mutants, each in the scenario of its row.
WAITING_OR_ENDED = (
    *("recovery-waits-for-itself", "lock-order-deadlock", "query-hangs", "replace-blocks-on-stopped"),
    *("clean-exit-leaves-the-lock", "ctrl-c-between"),
)


def expected(subject: str) -> str:
    return (TEXTS / f"{subject}.txt").read_text(encoding="utf-8").rstrip("\n")


# What takes seconds to find and to make small; its text is compared in a replay as well.
LONG = ("direct-unlink", "guarded-lock", "unlinked-lock")
SLOW = [pytest.param(name, marks=pytest.mark.long) if name in LONG else name for name in FIRST]


@pytest.mark.parametrize("name", SLOW)
def test_text_of_the_search_is_as_written(name: str) -> None:
    found = verify(name, [find_scenario(FIRST[name][0])])
    assert trace_text(next(iter(found.violations.values()))) == expected(name)


@pytest.mark.parametrize("name", sampled(WAITING_OR_ENDED))
def test_text_of_a_wait_or_an_end_is_as_written(name: str) -> None:
    found = verify(name, [find_scenario(MUTANTS[name].scenario)])
    assert trace_text(next(iter(found.violations.values()))) == expected(name)


@pytest.mark.parametrize("name", PLANTED)
def test_text_of_a_planted_mistake_is_as_written(name: str) -> None:
    found = verify(f"tests/planted/{name}.py", [find_scenario(PLANTED[name])])
    assert trace_text(next(iter(found.violations.values()))) == expected(name)


@pytest.mark.parametrize("name", FIRST)
def test_text_of_replay_is_the_same(name: str) -> None:
    schedule = expected(name).rpartition('"')[0].rpartition('"')[2]
    subject, scenario = find_subject(name), find_scenario(FIRST[name][0])
    trace = explain(subject, scenario, replay(subject, scenario, parse_schedule(schedule)))
    assert trace_text(trace) == expected(name)


@pytest.mark.parametrize("name", SLOW)
def test_text_of_hypothesis_is_the_same(name: str) -> None:
    write_counterexamples_with(trace_text)
    subject, scenario = find_subject(name), find_scenario("any-empty")
    assert str(InvariantViolated(subject, scenario, as_far_as_possible(subject, FIRST[name][1]))) == (
        "\n" + expected(name)
    )


def as_far_as_possible(subject: Subject, schedule: str) -> Trace:
    """The trace of a schedule in an open-ended scenario; moves that are not possible are left out."""
    with Execution(subject, find_scenario("any-empty")) as execution:
        for move in parse_schedule(schedule):
            if execution.violation is None and execution.possible(move):
                execution.make(move)
        assert execution.violation is not None
        return execution.trace


@pytest.mark.parametrize("name", (*FIRST, *PLANTED))
def test_text_stays_within_its_limits(name: str) -> None:
    lines = expected(name).splitlines()
    assert len(lines) <= LIMIT_LINES
    # A command is not broken inside of a path or of a scenario's name.
    assert max(len(line) for line in lines if not line.startswith("Replay:")) <= LIMIT_COLUMNS


def test_long_trace_of_many_processes_says_what_it_leaves_out() -> None:
    schedule = " ".join(f"start-{letter} {letter}20 crash-{letter}" for letter in "ABCDE") + " start-F F30"
    with Execution(find_subject("reference"), find_scenario("any-stale")) as execution:
        for move in parse_schedule(schedule):
            if execution.possible(move):
                execution.make(move)
        text = trace_text(execution.trace)
    lines = text.splitlines()
    assert lines[0] == "no invariant is violated"
    assert len(lines) <= LIMIT_LINES
    assert max(map(len, lines)) <= LIMIT_COLUMNS
    assert "rows left out" in text
    command = text.partition("Replay:")[2].replace("\\\n", " ")
    assert parse_schedule(command.rpartition('"')[0].partition('"')[2]) == execution.trace.moves


def test_counterexample_of_hundreds_of_steps_keeps_its_limits_and_its_end(long_trace: Trace) -> None:
    lines = trace_text(long_trace).splitlines()
    assert len(lines) <= LIMIT_LINES
    assert max(map(len, lines)) <= LIMIT_COLUMNS
    assert sum("rows left out" in line for line in lines) == 1
    assert any(line.split()[:2] == [str(long_trace.length), "D"] for line in lines)


UNSEEN = r"""
def gateway(home, serve):
    path = home / "a\nb\x1b[31m"
    path.write_bytes(bytes(2))
    path.write_text("\x1b[31mred\nsecond\x07")
    raise ValueError("\x1b[31m" + "no " * 30 + "\0 end")
"""


def test_what_cannot_be_seen_is_spelt_out_and_a_long_headline_folded(tmp_path: Path) -> None:
    (tmp_path / "unseen.py").write_text(UNSEEN)
    subject = find_subject(tmp_path / "unseen.py")
    trace = replay(subject, find_scenario("one-start-empty"), parse_schedule("A7"))
    lines = trace_text(trace).splitlines()
    no = "no " * 30
    assert " ".join(line.strip() for line in lines[:2]) == (
        rf"only_documented_errors is violated: A raised ValueError: \x1b[31m{no}\x00 end"
    )
    rows = [line.split(maxsplit=1)[1] for line in lines if line[:5].strip().isdigit()]
    assert [" ".join(row.split()) for row in rows[:5]] == [
        r"open(a\nb\x1b[31m, CREAT|TRUNC) ok",
        r"write(a\nb\x1b[31m) 2 zero bytes",
        r"close(a\nb\x1b[31m) ok",
        r"open(a\nb\x1b[31m, CREAT|TRUNC) ok",
        r"write(a\nb\x1b[31m) \x1b[31mred second\x07",
    ]
    assert all(line.isprintable() for line in lines)


LATE = "tests/planted/removes_the_lock_when_it_goes.py"


def test_claim_on_a_file_that_has_no_name_any_more_is_told() -> None:
    subject, scenario = find_subject(LATE), find_scenario("exit-and-start-empty")
    trace = replay(subject, scenario, parse_schedule("A2 exit-A B1 A2 start-C C2 B1"))
    assert reasons(trace) == [
        "C owns the gateway from step 7, because step 7, flock(lock, EX|NB), succeeded.",
        "However, B owns the gateway from step 8, because step 8, flock(lock, EX|NB), succeeded, on a file "
        "that lock did not name since step 4, unlink(lock), the first wrong one: a contradiction.",
    ]


def test_smaller_schedule_is_told_in_a_standard_scenario() -> None:
    subject = find_subject("direct-unlink")
    trace = as_far_as_possible(subject, FIRST["direct-unlink"][1])
    moves = minimise(subject, find_scenario("any-empty"), trace.moves, "at_most_one_owner")
    named = name_scenario(
        subject, find_scenario("any-empty"), replay(subject, find_scenario("any-empty"), moves)
    )
    assert named is not None
    assert named[0].name == "two-starts-empty"


def test_who_looks_at_itself_has_learnt_nothing_of_others(tmp_path: Path) -> None:
    (tmp_path / "single.py").write_text(
        "import psutil\n"
        "def gateway(home, serve):\n"
        "    if not (home / 'record').exists():\n"
        "        text = str(psutil.Process().create_time())\n"
        "        (home / 'mine').write_text(text)\n"
        "        (home / 'mine').replace(home / 'record')\n"
        "        serve()\n"
    )
    subject = find_subject(str(tmp_path / "single.py"))
    trace = replay(subject, find_scenario("two-starts-empty"), parse_schedule("A2 B6 A4"))
    *_, why = reasons(trace)
    assert why.endswith("took away B's record, on the strength of what step 1 saw: a contradiction.")
