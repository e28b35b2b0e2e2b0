"""The table of system calls is complete and correct."""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from stateful.host.calls import MADE_FOR_REAL
from stateful.kernel import kernel as kernel  # registers its calls
from stateful.kernel.files import IMPLEMENTATIONS
from stateful.model.syscalls import ENDS, SYSCALLS, WAITS, Kind, Syscall

ROOT: Final = Path(__file__).parents[2]
EACH_ROW = pytest.mark.parametrize("row", SYSCALLS.values(), ids=list(SYSCALLS))

# -- every row is implemented --------------------------------------------------------------------------------
# That each is in a contract script says tests/kernel/test_contract.py.

# What an implementation calls an argument of each kind.
NAMES: Final[dict[Kind, set[str]]] = {
    Kind.PATH: {"path", "source", "target"},
    Kind.TEXT: {"target"},
    Kind.FD: {"fd", "source", "target"},
    Kind.FILE: {"file"},
    Kind.FDS: {"fds"},
    Kind.PID: {"pid"},
    Kind.SIGNAL: {"number"},
    Kind.FLAGS: {"flags"},
    Kind.OPERATION: {"operation"},
    Kind.DATA: {"data"},
    Kind.SIZE: {"size"},
    Kind.POSITION: {"offset", "length", "start"},
    Kind.WHENCE: {"whence"},
    Kind.DURATION: {"microseconds"},
    Kind.TIME: {"mtime", "atime"},
    Kind.STATUS: {"code"},
    Kind.OUTCOME: {"outcome"},
    Kind.USER: {"uid", "gid"},
    Kind.DISPOSITION: {"disposition"},
    Kind.NUMBER: {"mode", "follow", "whence", "mask", "flags", "number"},
}


def test_kernel_implements_every_row_and_nothing_else() -> None:
    assert set(IMPLEMENTATIONS) == set(SYSCALLS)


def test_host_makes_every_row_for_real_and_nothing_else() -> None:
    assert set(MADE_FOR_REAL) == set(SYSCALLS) - WAITS - ENDS  # these the player process does itself


def parameters(function: Callable[..., Any]) -> list[str]:
    """The names of the parameters of an implementation of a call."""
    return [
        name
        for name in inspect.signature(function).parameters
        if name not in ("kernel", "process", "sandbox")
    ]


@EACH_ROW
def test_arguments_are_those_of_the_kernel(row: Syscall) -> None:
    names = parameters(IMPLEMENTATIONS[row.name])
    assert len(names) == len(row.arguments)
    for argument, name in zip(row.arguments, names, strict=True):
        assert name in NAMES[argument.kind], (name, argument.kind)


@pytest.mark.parametrize("name", MADE_FOR_REAL)
def test_arguments_of_the_host_are_those_of_the_kernel(name: str) -> None:
    assert parameters(MADE_FOR_REAL[name]) == parameters(IMPLEMENTATIONS[name])


def test_page_of_calls_is_that_of_the_table() -> None:
    table = runpy.run_path(str(Path(__file__).with_name("calls_table.py")))
    made = table["entry_points"]()
    assert {name for name in SYSCALLS if not made[name]} == set()  # every call can be made from Python
    assert set(made) == set(SYSCALLS)
    found = (ROOT / "docs" / "calls.md").read_text(encoding="utf-8")
    assert found == table["page"](made), "run: python -m tests.model.calls_table > docs/calls.md"
