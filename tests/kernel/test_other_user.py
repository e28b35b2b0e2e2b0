"""Two users: root may signal every process; other users may inspect root's processes but not signal them."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from stateful.model.images import ROOTS
from stateful.model.machine import FIRST_PID
from stateful.model.scenario import Cast, Scenario
from stateful.run.execution import Execution

if TYPE_CHECKING:
    from conftest import Stage

ASK = """
import errno, os, signal, psutil

def attempt(function, *args):
    try:
        return function(*args)
    except OSError as error:
        return errno.errorcode[error.errno]
    except psutil.Error as error:
        return type(error).__name__

def ask(pid):
    fd = os.pidfd_open(pid)
    answers = [
        attempt(os.kill, pid, 0),
        attempt(signal.pidfd_send_signal, fd, 0),
        attempt(psutil.Process(pid).send_signal, 0),
        int(open(f"/proc/{pid}/stat").read().split()[0]) == pid,
        psutil.Process(pid).is_running(),
    ]
    os.close(fd)
    return answers
"""
AS_NOBODY = """
if child := os.fork():
    told = ask(child)
    os.waitpid(child, 0)
    print(told)
else:
    os.setuid(65534)
    print(ask(os.getppid()), flush=True)
    os._exit(0)
"""
TO_ROOT = ["EPERM", "EPERM", "AccessDenied", True, True]
OF_ROOT = [None, None, None, True, True]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be two users")
def test_users_of_the_host() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASK + AS_NOBODY], check=True, stdin=subprocess.DEVNULL, capture_output=True
    )
    answers = [ast.literal_eval(line) for line in done.stdout.decode().splitlines()]
    assert sorted(answers, key=str) == sorted([OF_ROOT, TO_ROOT], key=str)


@pytest.mark.parametrize(("first", "second", "answers"), (("A", "B", TO_ROOT), ("B", "A", OF_ROOT)))
def test_users_of_the_kernel(first: str, second: str, answers: list[object], stage: Stage) -> None:
    body = f"""
        if (home / "begun").exists():
            (home / "seen").write_text(repr(ask({2 * FIRST_PID + 1} - os.getpid())))
        (home / "begun").touch()
    """
    scenario = Scenario(Cast("contract", "two users", ("start", "start")), ROOTS)
    with Execution(stage.write(body, ASK), scenario, judged=False) as execution:
        stage.finish(execution, first)
        assert ast.literal_eval(stage.finish(execution, second).files["seen"]) == answers
