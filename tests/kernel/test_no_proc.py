"""A machine without ``/proc``: its files do not exist, a pidfd is ENOSYS; psutil and kill still answer."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Stage

TRY = """
import errno, os, psutil

def attempt(function, *args):
    try:
        return function(*args)
    except OSError as error:
        return errno.errorcode[error.errno]

def note(home, value):
    (home / "seen").write_text(repr(value))
"""
# Expressions and their values on the machine; the process has pid 101 and is alone but for pid 1.
SAYS = {
    "os.open('/proc/self/stat', os.O_RDONLY)": "ENOENT",
    "os.open(f'/proc/{os.getpid()}/cmdline', os.O_RDONLY)": "ENOENT",
    "os.open('/proc/sys/kernel/random/boot_id', os.O_RDONLY)": "ENOENT",
    "open('/proc/stat')": "ENOENT",
    "os.stat('/proc')": "ENOENT",
    "os.stat('/proc/self')": "ENOENT",
    "os.listdir('/proc')": "ENOENT",
    "os.scandir('/proc')": "ENOENT",
    "os.readlink('/proc/self/exe')": "ENOENT",
    "os.path.exists('/proc')": False,
    "os.access('/proc/self/stat', os.R_OK)": False,
    "os.pidfd_open(os.getpid())": "ENOSYS",
    "os.kill(os.getpid(), 0)": None,
    "os.kill(99, 0)": "ESRCH",
    "psutil.pids()": [1, 101],
    "psutil.pid_exists(101)": True,
    "psutil.Process().cmdline()": ["hermes_cli/main.py", "gateway", "run"],
    "psutil.Process().create_time()": 1_749_999_995.0,
}


@pytest.mark.parametrize("code", SAYS)
def test_process_sees_no_proc(code: str, stage: Stage) -> None:
    subject = stage.write(f"note(home, attempt(lambda: {code}))", TRY)
    with stage.begin(subject, "one-start-no-proc") as execution:
        assert ast.literal_eval(stage.finish(execution, "A").files["seen"]) == SAYS[code]


@pytest.mark.parametrize(("scenario", "proc"), (("one-start-no-proc", False), ("one-start-stale", True)))
def test_machines_do_not_mix(scenario: str, proc: bool, stage: Stage) -> None:
    subject: Any = stage.write("note(home, os.path.exists('/proc/self/stat'))", TRY)
    with stage.begin(subject, "one-start-no-proc"), stage.begin(subject, scenario) as execution:
        assert stage.finish(execution, "A").files["seen"] == str(proc)
