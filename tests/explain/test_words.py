"""The text for a call and its answer, by the kinds of its arguments."""

from __future__ import annotations

import fcntl
import os
from typing import Any

import pytest

from stateful.explain.words import answer_text, call_text, changes_names, claimed_path, is_claim, whole_answer
from stateful.model.call import Call, Errno
from stateful.model.schedule import STEP, Move
from stateful.model.trace import Step

HOME = "/home/user/.hermes"
PID_FILE = f"{HOME}/gateway.pid"

# A call, what its descriptor stands for, what it answered; and how both are shown.
SHOWN = [
    (Call("open", (PID_FILE, os.O_CREAT | os.O_EXCL, 0o600)), None, 3, "open(gateway.pid, CREAT|EXCL)", "ok"),
    (Call("open", (PID_FILE, 0, 0)), None, Errno(2), "open(gateway.pid)", "ENOENT"),
    (Call("read", (3, 100)), PID_FILE, b"101", "read(gateway.pid)", "101"),
    (Call("write", (3, b"1234")), PID_FILE, 4, "write(gateway.pid)", "1234"),
    (Call("write", (3, b"1234")), PID_FILE, 2, "write(gateway.pid)", "12 (fault: half)"),
    (Call("sendfile", (4, 3, 0, 100)), PID_FILE, 3, "sendfile(gateway.pid)", "3 bytes"),
    (Call("flock", (3, fcntl.LOCK_EX | fcntl.LOCK_NB)), PID_FILE, None, "flock(gateway.pid, EX|NB)", "ok"),
    (Call("lockf", (3, fcntl.LOCK_SH, 0, 0, 0)), PID_FILE, None, "lockf(gateway.pid, SH)", "ok"),
    (Call("symlink", ("gateway.pid", f"{HOME}/x")), None, None, "symlink(gateway.pid, x)", "ok"),
    (Call("utime", (PID_FILE, None)), None, None, "utime(gateway.pid)", "ok"),
    (Call("utime", (3, 1_000)), PID_FILE, None, "utime(gateway.pid)", "ok"),
    (Call("chmod", (PID_FILE, 0o600)), None, None, "chmod(gateway.pid)", "ok"),
    (Call("kill", (101, 15)), None, None, "kill(101, SIGTERM)", "ok"),
    (Call("kill", (101, 0)), None, Errno(3), "kill(101, 0)", "ESRCH"),
    (Call("pidfd_open", (101, 0)), None, 3, "pidfd_open(101)", "ok"),
    (Call("pidfd_send_signal", (3, 15)), "pidfd:101:5000", None, "pidfd_send_signal(101, SIGTERM)", "ok"),
    (Call("close", (3,)), "pidfd:101:5000", None, "close(pidfd of 101)", "ok"),
    (Call("select", ((3,), 500_000)), None, (3,), "select([3], 0.5)", "ok"),
    (Call("select", ((), None)), None, (), "select([])", "ok"),
    (Call("sleep", (50_000,)), None, None, "sleep(0.05)", "ok"),
    (Call("inspect", (101,)), None, ((), "1", 0, "running", 1), "psutil(101)", "ok"),
    (Call("pid_exists", (101,)), None, False, "pid_exists(101)", "False"),
    (Call("readlink", (PID_FILE,)), None, "host.101", "readlink(gateway.pid)", "host.101"),
    (Call("serve"), None, None, "serve()", "begins"),
]


def step(call: Call, path: str | None = None, answer: Any = None, kind: str = STEP) -> Step:
    return Step(Move(kind, "A"), call, path, answer, "starting", None)


@pytest.mark.parametrize(("call", "path", "answer", "shown", "answered"), SHOWN)
def test_call_and_answer_are_shown_by_the_kinds_of_arguments(
    call: Call, path: str | None, answer: object, shown: str, answered: str
) -> None:
    assert call_text(step(call, path, answer)) == shown
    assert answer_text(step(call, path, answer)) == answered


def test_copy_that_a_fault_cuts_short_is_said_to_be_half() -> None:
    assert answer_text(step(Call("sendfile", (4, 3, 0, 100)), PID_FILE, 1, "short")) == "1 byte (fault: half)"
    assert whole_answer(step(Call("sendfile", (4, 3, 0, 100)), PID_FILE, 1)) == "1 byte written"
    assert whole_answer(step(Call("pwrite", (4, b"12", 0)), PID_FILE, 1)) == "1 byte written: 1"


CLAIMS = [
    (Call("open", (PID_FILE, os.O_CREAT | os.O_EXCL, 0o600)), None, PID_FILE),
    (Call("link", (f"{HOME}/x", PID_FILE)), None, PID_FILE),
    (Call("symlink", ("host.101", PID_FILE)), None, PID_FILE),
    (Call("rename", (f"{HOME}/x", PID_FILE)), None, PID_FILE),
    (Call("mkdir", (f"{HOME}/x", 0o700)), None, f"{HOME}/x"),
    (Call("flock", (3, fcntl.LOCK_SH)), PID_FILE, PID_FILE),
]


@pytest.mark.parametrize(("call", "path", "claimed"), CLAIMS)
def test_claim_makes_a_name_or_takes_a_lock(call: Call, path: str | None, claimed: str) -> None:
    assert is_claim(step(call, path))
    assert claimed_path(step(call, path)) == claimed
    assert not is_claim(step(call, path, Errno(17)))


def test_what_is_no_claim() -> None:
    assert not is_claim(step(Call("open", (PID_FILE, os.O_CREAT, 0o600))))
    assert not is_claim(step(Call("flock", (3, fcntl.LOCK_UN)), PID_FILE))
    assert not is_claim(step(Call("unlink", (PID_FILE,))))


def test_names_that_a_call_takes_away() -> None:
    assert changes_names(Call("unlink", (PID_FILE,))) == (PID_FILE,)
    assert changes_names(Call("rename", (f"{HOME}/x", PID_FILE))) == (f"{HOME}/x", PID_FILE)
    assert changes_names(Call("link", (f"{HOME}/x", PID_FILE))) == ()
