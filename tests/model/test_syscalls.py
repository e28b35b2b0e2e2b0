"""The rows of the calls: the properties that all users rely on, and that no other table repeats them."""

from __future__ import annotations

import ast
import fcntl
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from stateful.explain.words import answer_text, call_text
from stateful.model.call import Call
from stateful.model.lifecycle import Outcome
from stateful.model.schedule import STEP, Move
from stateful.model.syscalls import CHANGES, NAMES, NOTHING, SYSCALLS, Answer, Kind, Syscall, Use
from stateful.model.trace import Step
from stateful.model.usage import (
    argument_of,
    cut_short,
    descriptor,
    descriptors,
    paths,
    pid,
    sends_signal,
    source_of,
    takes_lock,
    use_of,
    with_argument,
)

HARNESS: Final = Path(__file__).parents[2] / "stateful"

# -- what everything relies on ------------------------------------------------------------------------------

# An argument of each kind.
VALUES: Final[dict[Kind, Any]] = {
    Kind.PATH: "/home/user/.hermes/gateway.pid",
    Kind.TEXT: "gateway.pid",
    Kind.FD: 3,
    Kind.FILE: "/home/user/.hermes/gateway.pid",
    Kind.FDS: (3,),
    Kind.PID: 101,
    Kind.SIGNAL: 15,
    Kind.FLAGS: os.O_CREAT | os.O_EXCL,
    Kind.OPERATION: fcntl.LOCK_EX,
    Kind.DATA: b"101",
    Kind.SIZE: 100,
    Kind.POSITION: 0,
    Kind.WHENCE: 0,
    Kind.DURATION: 500_000,
    Kind.TIME: None,
    Kind.STATUS: 1,
    Kind.OUTCOME: Outcome("refused", "it is held", status=1),
    Kind.USER: 1000,
    Kind.DISPOSITION: "default",
    Kind.NUMBER: 0,
}
# What a process may be told, and how that is shown of a call of the kind.
ANSWERS: Final[dict[Answer, Any]] = {
    Answer.NOTHING: None,
    Answer.DESCRIPTOR: 3,
    Answer.DATA: b"101",
    Answer.WRITTEN: 3,
    Answer.STATUS: (0o100600, 7, 0, 1, 1000, 1000, 3, 0),
    Answer.NAMES: ("gateway.pid",),
    Answer.PROCESS: (("python",), "5000", 1000, "running", 1),
    Answer.VALUE: True,
}
ROWS: Final = [pytest.param(row, id=row.name) for row in SYSCALLS.values()]


def call_of(row: Syscall) -> Call:
    return Call(row.name, tuple(VALUES[argument.kind] for argument in row.arguments))


def test_each_kind_of_argument_and_answer_is_used_by_a_call() -> None:
    assert {argument.kind for row in SYSCALLS.values() for argument in row.arguments} == {*Kind} == {*VALUES}
    assert {row.answer for row in SYSCALLS.values()} == {*Answer} == {*ANSWERS}


@pytest.mark.parametrize("row", ROWS)
def test_row_has_a_text_and_a_text_of_its_answer(row: Syscall) -> None:
    step = Step(Move(STEP, "A"), call_of(row), "/home/user/.hermes/log", ANSWERS[row.answer], "", None)
    text = call_text(step)
    assert text.startswith(f"{row.shown or row.name}(")
    assert text.count("(") == text.count(")") == 1, "data, sizes and outcomes are not shown"
    assert answer_text(step)


@pytest.mark.parametrize("row", ROWS)
def test_what_a_row_says_fits_together(row: Syscall) -> None:
    files = [argument for argument in row.arguments if argument.kind in (Kind.PATH, Kind.FD, Kind.FILE)]
    assert row.use == NOTHING or files
    for argument in row.arguments:
        assert argument.use == NOTHING or argument in files
        assert argument.kind is not Kind.PATH or argument.use & Use.FINDS, "a path is always looked up"
        assert argument.kind is not Kind.FD or not argument.use & (NAMES | Use.FINDS), "names are of paths"
    assert not (row.silent and row.use & CHANGES), "a change is a step"
    assert not (row.silent and (row.faults or row.waits or row.passes_time or row.sends_signal))
    assert not row.serves or row.waits
    assert not row.syncs or row.arguments[0].kind is Kind.FD
    assert row.sends_signal == row.has(Kind.SIGNAL)
    assert row.passes_time == row.has(Kind.DURATION)
    assert row.has(Kind.STATUS) == row.has(Kind.OUTCOME) == row.ends
    assert not row.has(Kind.DATA) or row.answer is Answer.WRITTEN
    assert not row.has(Kind.OPERATION) or row.use & Use.LOCKS
    assert not row.has(Kind.FDS) or not files


HOME: Final = "/home/user/.hermes"


@pytest.mark.parametrize(
    ("flags", "does"),
    [
        (os.O_RDONLY, NOTHING),
        (os.O_CREAT | os.O_EXCL | os.O_WRONLY, Use.MAKES),
        (os.O_TRUNC | os.O_WRONLY, Use.CUTS),
        (os.O_CREAT | os.O_TRUNC, Use.MAKES | Use.CUTS),
    ],
)
def test_flags_say_what_else_an_open_does(flags: int, does: Use) -> None:
    call = Call("open", (f"{HOME}/x", flags, 0o600))
    assert use_of(call) == Use.FINDS | Use.READS | Use.INSPECTS | does
    assert paths(call, NAMES) == ((f"{HOME}/x",) if does & Use.MAKES else ())


def test_rename_takes_one_name_away_and_replaces_the_other() -> None:
    call = Call("rename", (f"{HOME}/new", f"{HOME}/x"))
    assert paths(call, Use.TAKES) == call.args
    assert paths(call, Use.MAKES) == call.args[1:]


def test_descriptor_is_a_number_that_comes_first() -> None:
    assert descriptor(Call("utime", (3, None))) == 3
    assert descriptor(Call("utime", (f"{HOME}/x", None))) is None
    assert descriptor(Call("select", ((3,), None))) is None
    assert descriptor(Call("pids")) is None
    assert descriptors(Call("sendfile", (4, 3, 0, 100))) == (4, 3)


def test_short_call_writes_less() -> None:
    assert cut_short(Call("pwrite", (4, b"12345", 7)), 2) == Call("pwrite", (4, b"12", 7))
    assert cut_short(Call("sendfile", (4, 3, 0, 100)), 2) == Call("sendfile", (4, 3, 0, 2))
    assert cut_short(Call("sendfile", (4, 3, 0, 1)), 2) == Call("sendfile", (4, 3, 0, 1))


def test_copy_names_its_source_after_its_target_and_the_source_s_position_before() -> None:
    assert source_of(Call("sendfile", (4, 3, 7, 100))) == (3, 7, 100)
    assert source_of(Call("copy_file_range", (4, 3, 7, 100, 9))) == (3, 7, 100)
    assert source_of(Call("copy_file_range", (4, 3, None, 100, 9))) == (3, None, 100)


def test_argument_is_found_by_its_kind() -> None:
    lock = Call("lockf", (4, fcntl.LOCK_SH, 0, 0, 0))
    assert takes_lock(lock)
    assert not takes_lock(with_argument(lock, Kind.OPERATION, fcntl.LOCK_UN))
    assert not takes_lock(Call("close", (4,)))
    assert (pid(Call("inspect", (7,))), pid(Call("pidfd_send_signal", (4, 15)))) == (7, None)
    assert sends_signal(Call("pidfd_send_signal", (4, 15))) and not sends_signal(Call("kill", (7, 0)))
    assert argument_of(Call("pids"), Kind.PID) is None


# -- nothing but the rows and the implementations spells the names of two calls ------------------------------

# The rows; what makes calls, by row; and the subjects, whose functions have such names.
MAY_SPELL: Final = {"model", "kernel", "python", "host", "real", "subjects"}
OTHERS: Final = sorted(
    file for file in HARNESS.rglob("*.py") if file.relative_to(HARNESS).parts[0] not in MAY_SPELL
)


def calls_among(nodes: Iterable[ast.AST | None]) -> set[str]:
    """The names of calls among the texts in some parts of a source."""
    texts = (
        each.value for node in nodes if node for each in ast.walk(node) if isinstance(each, ast.Constant)
    )
    return {text for text in texts if text in SYSCALLS}


def spelled(node: ast.AST) -> set[str]:
    """The names of calls that a display, a condition, a match or a list of words spells."""
    match node:
        case ast.Dict():
            return calls_among(node.keys)
        case ast.Match():
            return calls_among(case.pattern for case in node.cases)
        case ast.Set() | ast.Tuple() | ast.List() | ast.Compare() | ast.BoolOp():
            return calls_among([node])
        case ast.Call(func=ast.Attribute(attr="split", value=ast.Constant(value=str(words)))):
            return {word for word in words.split() if word in SYSCALLS}
    return set()


def lists_of_calls(source: str) -> list[str]:
    """The places of a source that spell the names of two calls or more."""
    found = ((node, spelled(node)) for node in ast.walk(ast.parse(source)))
    return [f"{ast.unparse(node)}: {' '.join(sorted(names))}" for node, names in found if len(names) > 1]


@pytest.mark.parametrize("file", OTHERS, ids=lambda file: str(file.relative_to(HARNESS)))
def test_nothing_but_the_rows_and_the_implementations_spells_two_calls(file: Path) -> None:
    assert lists_of_calls(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        'X = {"read", "pread"}',
        'X = ("stat", "fstat", "x")',
        'X = {"read": 1, "x": "y", "write": 2}',
        'if name in ["unlink", "rmdir"]: pass',
        'if name == "kill" or name == "sleep": pass',
        'X = frozenset("read write".split())',
        'match name:\n    case "read": pass\n    case "write": pass',
        'match name:\n    case "read" | "write": pass',
    ],
)
def test_two_calls_are_found_wherever_they_are_spelled(source: str) -> None:
    assert lists_of_calls(source)


@pytest.mark.parametrize("source", ['X = Call("serve")', 'X = {"exit": "read"}', 'f("read"); g("write")'])
def test_one_call_may_be_spelled(source: str) -> None:
    assert lists_of_calls(source) == []
