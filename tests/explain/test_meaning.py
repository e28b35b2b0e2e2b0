"""The meaning of calls: paths by role, processes by letter, how well a call identifies a point of a life."""

from __future__ import annotations

import fcntl
import os

import pytest

from stateful.explain.meaning import CHANGES, LOOKS, OWN, meaning, rank
from stateful.model.call import Call
from stateful.model.schedule import STEP, Move
from stateful.model.trace import Step, Trace

HOME = "/home/user/.hermes"
MADE = Call("open", (f"{HOME}/made", os.O_CREAT | os.O_WRONLY, 0o600))

# What B calls, on which file where it is a descriptor's, what that means, and how it ranks.
MEANT = [
    (Call("unlink", (f"{HOME}/gateway.pid",)), None, "unlink(gateway.pid)", CHANGES),
    (Call("write", (5, b"x")), f"{HOME}/gateway.pid", "write(gateway.pid)", CHANGES),
    (Call("write", (5, b"x")), f"{HOME}/gateway.pid.102", "write(a temporary file)", OWN),
    (Call("unlink", (f"{HOME}/tmpab12cd_9",)), None, "unlink(a temporary file)", OWN),
    (Call("open", (f"{HOME}/sub/record.tmp", os.O_CREAT, 0)), None, "open(sub/a temporary file, CREAT)", OWN),
    (Call("flock", (5, fcntl.LOCK_EX)), f"{HOME}/0123456789ab.lock", "flock(0123456789ab.lock, EX)", CHANGES),
    (Call("rename", (MADE.args[0], f"{HOME}/x")), None, "rename(a temporary file, x)", CHANGES),
    (Call("rename", (f"{HOME}/gateway.pid", f"{HOME}/old")), None, "rename(gateway.pid, old)", CHANGES),
    (Call("open", ("/proc/101/stat", 0, 0)), None, "open(/proc/A/stat)", OWN),
    (Call("open", ("/proc/99/stat", 0, 0)), None, "open(/proc/99/stat)", OWN),
    (Call("open", ("/run/gateway.lock", os.O_CREAT, 0)), None, "open(/run/gateway.lock, CREAT)", CHANGES),
    (Call("open", (f"{HOME}/gateway.pid", 0, 0)), None, "open(gateway.pid)", LOOKS),
    (Call("stat", (f"{HOME}/gateway.pid", True)), None, "stat(gateway.pid)", OWN),
    (Call("kill", (101, 0)), None, "kill(A, 0)", LOOKS),
    (Call("kill", (-101, 15)), None, "kill(-A, SIGTERM)", CHANGES),
    (Call("pidfd_send_signal", (5, 15)), "pidfd:101:5000", "pidfd_send_signal(A, SIGTERM)", CHANGES),
    (Call("inspect", (101,)), None, "psutil(A)", OWN),
    (Call("sleep", (500_000,)), None, "sleep()", OWN),
    (Call("exit", (1, None)), None, "exit()", OWN),
    (Call("truncate", (f"{HOME}/gateway.pid", 0)), None, "truncate(gateway.pid)", CHANGES),
]


@pytest.mark.parametrize(("call", "path", "meant", "ranked"), MEANT)
def test_meaning_and_rank(call: Call, path: str | None, meant: str, ranked: int) -> None:
    made = Step(Move(STEP, "B"), MADE, None, 5, "starting", None)
    trace = Trace("x", "y", "z", pids={"A": 101, "B": 102}, steps=[made])
    step = Step(Move(STEP, "B"), call, path, None, "starting", None)
    assert meaning(trace, step) == meant
    assert rank(step, meant) == ranked


def test_in_a_container_a_pid_is_first_of_all_ones_own() -> None:
    trace = Trace("x", "y", "z", pids={"A": 1, "B": 1})
    step = Step(Move(STEP, "B"), Call("kill", (1, 0)), None, None, "starting", None)
    assert meaning(trace, step) == "kill(B, 0)"
