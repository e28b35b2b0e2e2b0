"""A difference between host and simulation is reported with its step, and only real differences are."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace as changed
from pathlib import Path

import pytest

from stateful.host import Host, players
from stateful.model.call import Call, Errno
from stateful.model.lifecycle import Outcome
from stateful.model.schedule import STEP, Move, parse_schedule
from stateful.model.standard import find_scenario
from stateful.model.trace import Step, Trace
from stateful.protocol.subject import find_subject
from stateful.run.execution import Execution
from stateful.run.replay import replay

RACE = ("direct-unlink", "two-starts-empty", "A1 B8 A7")

# The kernel knows four files of each process in /proc, and says so; here there are more.
ENVIRON = """
def gateway(home, serve):
    home.stat()
    try:
        with open("/proc/self/timerslack_ns"):
            pass
    except OSError:
        serve()
"""


def test_subject_that_meets_something_else_on_the_host(tmp_path: Path, host: Host) -> None:
    (tmp_path / "subject.py").write_text(ENVIRON)
    subject, scenario = find_subject(str(tmp_path / "subject.py")), find_scenario("one-start-empty")
    trace = replay(subject, scenario, parse_schedule("A2"))
    assert str(host.confirm(subject, scenario, trace)) == (
        "Not confirmed: step 2 of A, open(/proc/101/timerslack_ns): the simulation says ENOENT, the host ok."
    )


def with_step(trace: Trace, index: int, **fields: object) -> Trace:
    """A trace in which one step is told differently."""
    steps = [*trace.steps]
    steps[index] = steps[index]._replace(**fields)
    return changed(trace, steps=steps)


def without_the_last_file(trace: Trace) -> Trace:
    disk = trace.disks[-1]
    return changed(trace, disks=[*trace.disks[:-1], disk._replace(names=disk.names[:-1])])


def with_longer_record(trace: Trace) -> Trace:
    disk = trace.disks[-1]
    files = tuple(
        (serial, file._replace(content=file.content + b"!") if file.content else file)
        for serial, file in disk.files
    )
    return changed(trace, disks=[*trace.disks[:-1], disk._replace(files=files)])


@pytest.mark.parametrize(
    ("tell", "sentence"),
    [
        (
            lambda trace: with_step(trace, 9, answer=Errno(2)),
            "step 10 of A, unlink(gateway.pid): the simulation says ENOENT, the host ok.",
        ),
        (
            lambda trace: with_step(trace, 2, call=Call("stat", ("/home/user/.hermes", True))),
            "step 3 of B: the simulation calls stat(.), the host unlink(gateway.pid).",
        ),
        (
            lambda trace: with_step(trace, 8, phase="leaving"),
            "step 9 of B, close(gateway.pid): the simulation says leaving, the host owner.",
        ),
        (without_the_last_file, "in the end, gateway.pid stands on the host only."),
        (with_longer_record, 'in the end, gateway.pid is file 644 b\'{"pid": 101, "start_time": 5000}!\''),
    ],
    ids=["answer", "call", "phase", "names", "content"],
)
def test_trace_that_is_not_true(tell: Callable[[Trace], Trace], sentence: str, host: Host) -> None:
    subject, scenario = find_subject(RACE[0]), find_scenario(RACE[1])
    trace = tell(replay(subject, scenario, parse_schedule(RACE[2])))
    assert str(host.confirm(subject, scenario, trace)).startswith(f"Not confirmed: {sentence}")


def test_exit_status_is_that_of_the_real_process(host: Host) -> None:
    subject, scenario = (
        find_subject("tests/planted/exits_1_when_replaced.py"),
        find_scenario("replace-of-owner-empty"),
    )
    trace = replay(subject, scenario, parse_schedule("A3 B4 A2"))
    outcome = Outcome("released", status=0, tells_plans=True)
    wrong = with_step(trace, len(trace.steps) - 1, outcome=outcome)
    assert str(host.confirm(subject, scenario, wrong)) == (
        "Not confirmed: step 9 of A, exit(1): A ends with exit status 0 in the simulation, "
        "on the host it ends with exit status 1."
    )


def test_lock_that_has_to_be_waited_for_is_no_hang(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(players, "PATIENCE_S", 0.3)
    subject, scenario = find_subject("tests/planted/waits_for_lock.py"), find_scenario("two-starts-empty")
    trace = replay(subject, scenario, parse_schedule("A2 B1"))
    lock = next(step for step in trace.steps if step.call and step.call.name == "flock")
    step = Step(Move(STEP, "B"), lock.call, lock.path, None, "starting", None)
    longer = changed(
        trace,
        steps=[*trace.steps, step],
        disks=[*trace.disks, trace.disks[-1]],
        living=[*trace.living, trace.living[-1]],
    )
    assert str(host.confirm(subject, scenario, longer)) == (
        "Not confirmed: step 4 of B, flock(lock, EX): the simulation says ok; on the host, it waits, "
        "for 0.3 s at least."
    )


WAITS = """
import fcntl, os
def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.{family}(fd, fcntl.LOCK_EX)
    serve()
"""


@pytest.mark.parametrize(
    ("family", "schedule", "alone"), [("flock", "A2 B1", "B1"), ("lockf", "A2 B2", "B1")]
)
def test_process_that_waits_for_ever_waits_on_the_host(
    family: str, schedule: str, alone: str, tmp_path: Path, host: Host
) -> None:
    (tmp_path / "subject.py").write_text(WAITS.format(family=family))
    subject, scenario = find_subject(str(tmp_path / "subject.py")), find_scenario("two-starts-empty")
    with Execution(subject, scenario) as execution:
        for move in parse_schedule(schedule):
            execution.make(move)
        waits = execution.upcoming("B")
    assert waits is not None
    trace = changed(replay(subject, scenario, parse_schedule(schedule)), waits={"B": waits})
    assert host.confirm(subject, scenario, trace).confirmed
    trace = changed(replay(subject, scenario, parse_schedule(alone)), waits={"B": waits})
    assert str(host.confirm(subject, scenario, trace)) == (
        "Not confirmed: in the end, B waits in the simulation, and on the host it goes on."
    )


CIRCLE = """
import fcntl, os
documented_errors = (OSError,)
def hold(path):
    fd = os.open(path, os.O_CREAT | os.O_RDWR)
    fcntl.lockf(fd, fcntl.LOCK_EX)
    return fd
def gateway(home, serve):
    names = ("two", "one") if (home / "one").exists() else ("one", "two")
    held = [hold(home / name) for name in names]
    serve()
"""


def test_circle_of_lockf_cannot_be_played(tmp_path: Path, host: Host) -> None:
    (tmp_path / "subject.py").write_text(CIRCLE)
    subject, scenario = find_subject(str(tmp_path / "subject.py")), find_scenario("two-starts-empty")
    trace = replay(subject, scenario, parse_schedule("A3 B3 A2 B2"))
    assert trace.steps[-1].answer == Errno(errno.EDEADLK)
    assert str(host.confirm(subject, scenario, trace)) == (
        "Cannot be played on this host: two processes wait for each other in lockf, and a player cannot be "
        "held there."
    )
