"""Which steps conflict: the files that each touches, and whether it changes them."""

from __future__ import annotations

import os

import pytest

from stateful.explain.conflict import conflict, touched
from stateful.model.call import Call, Errno
from stateful.model.schedule import STEP, Move
from stateful.model.trace import Step, Trace
from stateful.sample.orderings import Orderings

HOME = "/home/user/.hermes"
FILE, OTHER = f"{HOME}/gateway.pid", f"{HOME}/other"
TRACE = Trace("x", "y", "z", lives={"A": "start", "B": "start"}, pids={"A": 101, "B": 102})


def step(letter: str, call: Call, path: str | None = None, answer: object = None) -> Step:
    return Step(Move(STEP, letter), call, path, answer, "starting", None)


OPEN = step("A", Call("open", (FILE, 0, 0)))
CREATE = step("A", Call("open", (FILE, os.O_CREAT, 0)))
LIST = step("A", Call("listdir", (HOME,)), answer=("gateway.pid",))
EXIT = step("A", Call("exit", (0, None)))
KILL_0 = step("B", Call("kill", (101, 0)))

CONFLICTS = {
    "a name is taken away that is opened": (OPEN, step("B", Call("unlink", (FILE,)))),
    "a file is copied to that is read": (
        step("A", Call("read", (3, 10)), FILE),
        step("B", Call("sendfile", (4, 3, 0, 10)), FILE),
    ),
    "a name is made in a folder that is listed": (LIST, step("B", Call("mkdir", (OTHER, 0)))),
    "a file is made in a folder that is listed": (LIST, step("B", Call("open", (OTHER, os.O_CREAT, 0)))),
    "a name is taken away in a folder that is listed": (LIST, step("B", Call("unlink", (OTHER,)))),
    "a process is looked for that ends": (KILL_0, EXIT),
    "a process is signalled by pidfd that ends": (
        step("B", Call("pidfd_send_signal", (3, 15)), "pidfd:101:5000"),
        EXIT,
    ),
    "processes are listed of which one ends": (step("B", Call("pids")), EXIT),
    "/proc is listed, of which one process ends": (step("B", Call("listdir", ("/proc",))), EXIT),
    "the /proc of a process that ends is read": (step("B", Call("read", (3, 9)), "/proc/101/stat"), EXIT),
}
AGREE = {
    "two look at a file": (OPEN, step("B", Call("stat", (FILE, True)))),
    "two make names in one folder": (CREATE, step("B", Call("mkdir", (OTHER, 0)))),
    "two take names away in one folder": (
        step("A", Call("unlink", (FILE,))),
        step("B", Call("rename", (OTHER, f"{HOME}/x"))),
    ),
    "two list a folder": (LIST, step("B", Call("scandir", (HOME,)))),
    "a name is not made in a folder that is listed": (
        LIST,
        step("B", Call("mkdir", (OTHER, 0)), answer=Errno(17)),
    ),
    "a file is written in a folder that is listed": (LIST, step("B", Call("write", (3, b"x")), OTHER)),
    "what is read of a process is closed": (
        step("A", Call("close", (3,)), "/proc/102/stat"),
        step("B", Call("read", (3, 9)), "/proc/102/stat"),
    ),
    "a pidfd is closed": (step("B", Call("close", (3,)), "pidfd:101:5000"), step("A", Call("pids"))),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_steps_conflict(name: str) -> None:
    one, other = CONFLICTS[name]
    assert conflict(TRACE, one, other)
    assert conflict(TRACE, other, one)


@pytest.mark.parametrize("name", AGREE)
def test_steps_may_be_exchanged(name: str) -> None:
    one, other = AGREE[name]
    assert not conflict(TRACE, one, other)
    assert not conflict(TRACE, other, one)


def test_what_a_step_touches() -> None:
    link = step("A", Call("symlink", ("/elsewhere", FILE)))
    assert touched(TRACE, link) == {FILE: True, f"{HOME}/*": True}, "its target is looked up by nobody yet"
    assert touched(TRACE, EXIT) == {"/proc/101": True, "/proc/*": True}
    assert touched(TRACE, KILL_0) == {"/proc/101": False}


def test_orderings_are_those_of_steps_that_conflict() -> None:
    orderings = Orderings()
    made = [
        orderings.note(TRACE, each)
        for each in (CREATE, step("B", Call("mkdir", (OTHER, 0))), LIST, step("B", Call("scandir", (HOME,))))
    ]
    assert made == [[], [], ["*: start mkdir, then start listdir"], []]
