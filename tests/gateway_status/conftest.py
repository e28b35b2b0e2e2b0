"""A home of its own for each test, a fresh module for it, and real processes that act on it."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway_status.record import MAX_FILE_BYTES

ROOT = Path(__file__).parents[2]

# Has everything imported before a race begins.
READY = """
import sys
from gateway_status import status
print("ready", flush=True)
sys.stdin.readline()
"""

# The start-up sequence of a gateway: prints what became of it, then serves until its input ends.
GATEWAY = """
import sys
from gateway_status import status

def start():
    if status.get_running_pid() is not None:
        return "refused by the record"
    if not status.acquire_gateway_runtime_lock():
        return "refused by the lock"
    try:
        status.write_pid_file()
    except FileExistsError:
        status.release_gateway_runtime_lock()
        return "refused by the write"
    return "owner"

outcome = start()
print(outcome, flush=True)
if outcome == "owner":
    sys.stdin.read()
    status.remove_pid_file()
    status.release_gateway_runtime_lock()
"""

# All of a start and an exit. ``serve`` says that it has begun, and goes on as a test wants it to.
RUN = """
import logging, os, signal, sys, time
from gateway_status import gateway, handover, status

logging.basicConfig(format="%(message)s", level=logging.INFO)
handover.GRACE_S = {grace_s}

def serve():
    print("owner", flush=True)
{serve}

sys.exit(gateway.run_gateway(serve, replace={replace}))
"""
DEADLINE_S = 20.0

PYTHON = (sys.executable, "-S")
COMMAND = (*PYTHON, "-m", "gateway_status")
NOBODY = 65_534

# Python itself may be where another user cannot read it, so all is imported before.
AS_NOBODY = f"""
import argparse, os, shutil, sys
from gateway_status.__main__ import main
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
sys.exit(main())
"""

HOSTILE = (
    ("empty", b""),
    ("white-space", b" \n"),
    ("torn", b'{"pid": 9'),
    ("zeros", b"\0" * 512),
    ("not-utf-8", b'{"pid": "\xff\xfe"}'),
    ("utf-16", '{"pid": 5'.encode("utf-16")),
    ("deep-nesting", b"[" * 60_000),
    ("digits", b'{"pid": ' + b"9" * 5_000 + b"}"),
    ("huge", b'{"pid": 5, "argv": "' + b"x" * MAX_FILE_BYTES + b'"}'),
    ("list", b"[5]"),
    ("string", b'"5"'),
    ("null", b"null"),
    ("true", b"true"),
    ("nan", b"NaN"),
    ("float", b"5.0"),
    ("no-pid", b"{}"),
    ("pid-null", b'{"pid": null}'),
    ("pid-true", b'{"pid": true}'),
    ("pid-zero", b'{"pid": 0}'),
    ("pid-minus-one", b'{"pid": -1}'),
    ("pid-2-to-31", b'{"pid": 2147483648}'),
    ("pid-2-to-70", b'{"pid": 1180591620717411303424}'),
    ("pid-infinite", b'{"pid": 1e400}'),
    ("pid-float", b'{"pid": 5.0}'),
    ("pid-text", b'{"pid": "5"}'),
    ("pid-list", b'{"pid": [5]}'),
    ("kind-foreign", b'{"pid": 5, "kind": "other-daemon"}'),
    ("plain-zero", b"0"),
    ("plain-minus-one", b"-1"),
)


@pytest.fixture(params=[content for _, content in HOSTILE], ids=[name for name, _ in HOSTILE])
def hostile(request: pytest.FixtureRequest) -> bytes:
    """What may stand in a PID file and is no record."""
    content: bytes = request.param
    return content


@pytest.fixture
def put_in_the_way() -> Callable[[Path, str], Path]:
    """Puts something that is not a file where one is expected."""
    return _put_in_the_way


def _put_in_the_way(path: Path, kind: str) -> Path:
    if kind == "directory":
        path.mkdir()
    elif kind == "dangling-link":
        path.symlink_to("nowhere")
    elif kind == "link":
        path.with_name("elsewhere").write_text('{"pid": 5}')
        path.symlink_to("elsewhere")
    elif kind == "fifo":
        os.mkfifo(path)
    else:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path.with_name("s")))  # Its address may have a hundred characters only.
        listener.close()
        path.with_name("s").rename(path)
    return path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HERMES_HOME", str(tmp_path))
    monkeypatch.setenv("HERMES_GATEWAY_LOCK_DIR", str(tmp_path / "locks"))
    return tmp_path


@pytest.fixture
def status(home: Path) -> Iterator[ModuleType]:
    """The face of the reference, as a process that has claimed nothing imports it."""
    module = importlib.reload(importlib.import_module("gateway_status.status"))
    yield module
    module.release_gateway_runtime_lock()


@pytest.fixture
def run(home: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Runs code with arguments in a child process that has the same home."""
    children: list[subprocess.Popen[str]] = []
    folders = {name: os.environ[name] for name in ("HERMES_HOME", "HERMES_GATEWAY_LOCK_DIR")}

    def start(code: str, *arguments: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-S", "-c", code, *arguments],
            env={**folders, "PYTHONPATH": str(ROOT), "PATH": os.defpath},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


@pytest.fixture
def spawn(run: Callable[..., subprocess.Popen[str]]) -> Callable[..., subprocess.Popen[str]]:
    """Runs a gateway in a child process, which a test may have wait for a line of input first."""

    def start(*, at_a_line: bool = False) -> subprocess.Popen[str]:
        return run((READY if at_a_line else "") + GATEWAY)

    return start


@pytest.fixture
def race(run: Callable[..., subprocess.Popen[str]]) -> Callable[..., list[subprocess.Popen[str]]]:
    """Runs code in as many child processes as there are arguments, all let go when all are ready."""

    def start(code: str, *arguments: str) -> list[subprocess.Popen[str]]:
        children = [run(READY + code, argument) for argument in arguments]
        for child in children:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        return children

    return start


@pytest.fixture
def dead_pid() -> int:
    """A pid that belonged to a process a moment ago."""
    child = subprocess.Popen([sys.executable, "-S", "-c", ""])
    child.wait()
    return child.pid


@pytest.fixture
def launch(home: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Runs ``run_gateway`` in a child process, with the lines of ``serve`` that a test gives."""
    children: list[subprocess.Popen[str]] = []

    def start(
        serve: str = "time.sleep(60)",
        *,
        replace: bool = False,
        grace_s: float = 10.0,
        at: Path = home,
        **more: Any,
    ) -> subprocess.Popen[str]:
        program = RUN.format(
            serve=textwrap.indent(textwrap.dedent(serve), "    "), replace=replace, grace_s=grace_s
        )
        child = subprocess.Popen(
            [sys.executable, "-S", "-c", program],
            env={
                "HERMES_HOME": str(at),
                "HERMES_GATEWAY_LOCK_DIR": os.environ["HERMES_GATEWAY_LOCK_DIR"],
                "PYTHONPATH": str(ROOT),
                "PATH": os.defpath,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        if child.returncode is None:
            child.kill()
        child.communicate()


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Any]:
    """Waits until a condition holds, and returns what it says; fails where it never does."""

    def wait(condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + DEADLINE_S
        while not (answer := condition()):
            assert time.monotonic() < deadline, f"never came true within {DEADLINE_S} s"
            time.sleep(0.01)
        return answer

    return wait


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the command line in a process of its own."""
    children: list[subprocess.Popen[str]] = []

    def run(*words: str, as_nobody: bool = False, **more: Any) -> subprocess.Popen[str]:
        command = (*PYTHON, "-c", AS_NOBODY) if as_nobody else COMMAND
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        environment = {"HERMES_HOME": os.environ["HERMES_HOME"], "PYTHONPATH": str(ROOT), "PATH": os.defpath}
        children.append(subprocess.Popen([*command, *words], env=environment, **{**pipes, **more}))
        return children[-1]

    yield run
    for child in children:
        if child.returncode is None:
            child.kill()
        child.communicate()
