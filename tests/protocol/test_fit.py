"""A function with a signature that the harness cannot call is wrong input, not a violation."""

from __future__ import annotations

from pathlib import Path

import pytest

from stateful.protocol.subject import SubjectError, find_subject
from stateful.run.examine import examine

GATEWAY = "def gateway(home, serve): serve()\n"
STATUS = "def get_running_pid(): ...\ndef write_pid_file(): ...\ndef remove_pid_file(): ...\n"
NONE = "so that nothing of it runs when it is called; make it a plain function"

# A module, and the whole of what is said of it.
MISFITS = {
    "async gateway": (
        "async def gateway(home, serve): serve()",
        f"gateway() is an async function, {NONE}",
    ),
    "generator": (
        "def gateway(home, serve):\n    serve()\n    yield",
        f"gateway() is a generator, {NONE}",
    ),
    "swapped": (
        "def gateway(serve, home): serve()",
        "gateway() is called with (home, serve); exchange its first two parameters",
    ),
    "replace is not optional": (
        "def gateway(home, serve, replace): serve()",
        "gateway() must take (home, serve): missing a required argument: 'replace'",
    ),
    "query takes nothing": (
        GATEWAY + "def running_pid(): ...",
        "running_pid() must take (home): too many positional arguments; it is taken for the query, so rename "
        "it if it is none",
    ),
    "query is a number": (
        GATEWAY + "running_pid = 5",
        "running_pid is not a function; it is taken for the query, so rename it if it is none",
    ),
    "async query": (
        GATEWAY + "async def running_pid(home): ...",
        f"running_pid() is an async function, {NONE}",
    ),
    "stop takes nothing": (
        GATEWAY + "def stop(): ...",
        "stop() must take (home): too many positional arguments; it is taken for the planned stop, so rename "
        "it if it is none",
    ),
    "a signal handler is named stop": (
        GATEWAY + "def stop(*_): ...",
        "stop() must take (home): it takes whatever it is given; it is taken for the planned stop, so rename "
        "it if it is none",
    ),
    "status function takes more": (
        STATUS + "def write_pid_file(path): ...",
        "write_pid_file() must take (): missing a required argument: 'path'",
    ),
    "marker takes nothing": (
        STATUS + "def terminate_pid(pid, *, force): ...\ndef write_takeover_marker(): ...",
        "write_takeover_marker() must take (pid): too many positional arguments",
    ),
    "no force": (
        STATUS + "def terminate_pid(pid): ...",
        "terminate_pid() must take (pid, force=True): got an unexpected keyword argument 'force'",
    ),
    "lock for ever": (
        STATUS + "def acquire_gateway_runtime_lock(): ...",
        "it has acquire_gateway_runtime_lock(), but no release_gateway_runtime_lock() to release what that "
        "takes",
    ),
    "names of errors": (
        GATEWAY + "documented_errors = ('ValueError',)",
        "documented_errors must be a tuple of exception classes, such as (OSError,), not ('ValueError',)",
    ),
    "name of an error": (
        GATEWAY + "documented_errors = 'ValueError'",
        "documented_errors must be a tuple of exception classes, such as (OSError,), not 'ValueError'",
    ),
    "no errors": (
        GATEWAY + "documented_errors = None",
        "documented_errors must be a tuple of exception classes, such as (OSError,), not None",
    ),
}

# Odd, and right.
FITTING = {
    "one class": "documented_errors = OSError",
    "a flag": "stop = False",
    "any": "def gateway(*args, **options): ...",
    "a class": "class gateway:\n    def __init__(self, home, serve): ...",
    "decorated": """
import functools
def with_lock(function):
    @functools.wraps(function)
    def call(home, serve):
        function("lock", home, serve)
    return call
@with_lock
def gateway(lock, home, serve): ...
""",
}


@pytest.mark.parametrize("what", MISFITS)
def test_misfit_is_told_in_one_line(tmp_path: Path, what: str) -> None:
    code, said = MISFITS[what]
    path = tmp_path / "single.py"
    path.write_text(code)
    with pytest.raises(SubjectError) as raised:
        examine(find_subject(path))
    assert str(raised.value) == f"{path}: {said}"


@pytest.mark.parametrize("what", FITTING)
def test_odd_function_that_fits_is_examined(tmp_path: Path, what: str) -> None:
    path = tmp_path / "single.py"
    path.write_text(GATEWAY + FITTING[what])
    assert examine(find_subject(path)).lives == ("start",)
