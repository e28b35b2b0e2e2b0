"""Replay: the same trace each time, and a schedule that does not fit is refused with a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from stateful.model.schedule import ScheduleMismatch, parse_schedule
from stateful.model.standard import find_scenario
from stateful.model.trace import Trace
from stateful.protocol.subject import find_subject
from stateful.run.execution import Execution
from stateful.run.replay import Nondeterminism, replay

RACE = ("direct-unlink", "two-starts-empty", "A1 B8 A7")

MISFITS = {
    "A1 B1 C1": (
        "C1 is not possible after A1 B1: there is no process C; possible: A, B, crash-A, crash-B, start-C"
    ),
    "A8 A1": "A1 is not possible after A8: it waits in serve(); possible: B, crash-A, exit-A, start-C",
    "A8 exit-A A5 A1": "A1 is not possible after A8 exit-A A5: A has ended; possible: B, start-C",
    "exit-A": "exit-A is not possible after the start: A is not alive; possible: A, start-C",
    "A1 exit-A": "exit-A is not possible after A1: A does not serve; possible: A, B, crash-A, start-C",
    "A8 sigstop-A exit-A": (
        "exit-A is not possible after A8 sigstop-A: A is stopped; possible: B, crash-A, start-C"
    ),
    "A1 start-D": (
        "start-D is not possible after A1: the next new process is C; possible: A, B, crash-A, start-C"
    ),
    "A1 crash-A crash-A": "crash-A is not possible after A1 crash-A: A is not alive; possible: B, start-C",
}


def execute(schedule: str) -> Trace:
    with Execution(find_subject(RACE[0]), find_scenario(RACE[1])) as execution:
        for move in parse_schedule(schedule):
            execution.make(move)
        return execution.trace


def test_trace_is_the_same_each_time() -> None:
    first = execute(RACE[2])
    assert first.violation is not None
    assert all(execute(RACE[2]) == first for _ in range(50))


@pytest.mark.long
def test_trace_is_the_same_a_thousand_times() -> None:
    first = execute(RACE[2])
    assert all(execute(RACE[2]) == first for _ in range(1000))


@pytest.mark.parametrize("schedule", MISFITS)
def test_misfit_says_what_was_asked_and_what_was_possible(schedule: str) -> None:
    with pytest.raises(ScheduleMismatch) as caught:
        replay(find_subject("direct-unlink"), find_scenario("two-starts-empty"), parse_schedule(schedule))
    assert str(caught.value) == f"{MISFITS[schedule]}, faults"


def test_subject_that_remembers_between_executions_is_named_nondeterministic(tmp_path: Path) -> None:
    subject = tmp_path / "counts.py"
    subject.write_text(
        "import os, zlib\n"
        "vars(zlib)['counts'] = vars(zlib).get('counts', 0) + 1\n"
        "def gateway(home, serve):\n"
        "    (home / f'claim-{zlib.counts}').touch()\n"
        "    serve()\n"
    )
    with pytest.raises(Nondeterminism, match=r"^step 1 differed between two executions of one schedule: "):
        replay(find_subject(str(subject)), find_scenario("one-start-empty"), parse_schedule("A1"))


@pytest.mark.parametrize(
    ("subject", "schedule"),
    [
        ("tests/planted/waits_for_lock.py", "A1"),
        ("tests/planted/waits_for_lock.py", "A2 B1 sigstop-B"),
        ("tests/planted/exits_0_when_terminated.py", "A3 term-A"),
        ("tests/planted/exits_0_when_terminated.py", "A3 B1"),
    ],
)
def test_no_month_passes_while_a_process_is_at_work(subject: str, schedule: str) -> None:
    """It has calls to make, is stopped between two, or has a signal to handle."""
    with Execution(find_subject(subject), find_scenario("two-starts-empty")) as execution:
        for move in parse_schedule(schedule):
            execution.make(move)
        with pytest.raises(ScheduleMismatch, match="a process is at work"):
            execution.make(parse_schedule("later+2678400")[0])


@pytest.mark.parametrize("schedule", ["A2", "A2 B1", "A2 B1 sigstop-A", "A2 exit-A A1"])
def test_a_month_passes_while_processes_serve_or_wait(schedule: str) -> None:
    """B has opened the lock and waits for it; a stopped owner goes on to serve."""
    subject = find_subject("tests/planted/waits_for_lock.py")
    with Execution(subject, find_scenario("two-starts-empty")) as execution:
        for move in parse_schedule(schedule):
            execution.make(move)
        execution.make(parse_schedule("later+2678400")[0])
