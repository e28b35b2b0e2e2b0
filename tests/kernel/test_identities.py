"""Who a process is: the id of a thread, a working directory that others see, pid 1, pids that begin anew.

The same function examines the id of a thread on the kernel and on the host.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from stateful.model.call import Call
from stateful.model.disk import NO_DISK
from stateful.model.images import THREAD, TWO_HOMES, WRAPPED
from stateful.model.machine import (
    GUEST,
    HOME_OF_GUEST,
    INIT,
    LAST_PID,
    LIKE_NAMED_HOME,
    OTHER_HOME,
    USER,
    Machine,
    Stranger,
)
from stateful.model.schedule import Move
from stateful.model.signal_target import target_of

if TYPE_CHECKING:
    from conftest import Stage

LOOK = """
import errno, os, pathlib, psutil

def attempt(function, *args):
    try:
        return function(*args)
    except OSError as error:
        return errno.errorcode[error.errno]

def look(thread, process):
    status = pathlib.Path(f"/proc/{thread}/status").read_text()
    fields = dict(line.split(":\\t", 1) for line in status.splitlines() if ":\\t" in line)
    stat = pathlib.Path(f"/proc/{thread}/stat").read_text()
    return {
        "kill": attempt(os.kill, thread, 0),
        "kill the group": attempt(os.kill, -thread, 0),
        "group": attempt(os.getpgid, thread) == os.getpgid(process),
        "pidfd": attempt(os.pidfd_open, thread) in ("ENOENT", "EINVAL"),
        "exists": os.path.exists(f"/proc/{thread}"),
        "listed": str(thread) in os.listdir("/proc"), "process": str(process) in os.listdir("/proc"),
        "pid_exists": psutil.pid_exists(thread), "pids": thread in psutil.pids(),
        "runs": psutil.Process(thread).is_running(),
        "command": psutil.Process(thread).cmdline() == psutil.Process(process).cmdline(),
        "status": [int(fields[name]) - thread for name in ("Pid", "NSpid")],
        "its process": int(fields["Tgid"]) - process,
        "stat": int(stat.split()[0]) - thread,
        "group in stat": int(stat.rpartition(")")[2].split()[2]) - os.getpgid(process),
    }
"""
THREADED = """
import subprocess, sys, threading, time
def work():
    print(threading.get_native_id(), flush=True)
    time.sleep(60)
threading.Thread(target=work, daemon=True).start()
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel models Linux")
def test_id_of_a_thread_is_the_same_on_the_host(stage: Stage) -> None:
    process = subprocess.Popen([sys.executable, "-c", THREADED], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        thread = int(process.stdout.readline())
        exec(LOOK, known := {})  # type: ignore[var-annotated] # what it defines
        on_host = known["look"](thread, process.pid)
    finally:
        process.kill()
        process.wait()
        process.stdout.close() if process.stdout else None
    leader, thread_of_it = THREAD.machine.strangers
    subject = stage.write(f'(home / "seen").write_text(repr(look({thread_of_it.pid}, {leader.pid})))', LOOK)
    with stage.begin(subject, "one-start-thread") as execution:
        seen = stage.finish(execution, "A").files["seen"]
    assert ast.literal_eval(seen) == on_host


def test_signal_to_a_thread_ends_its_process(stage: Stage) -> None:
    subject = stage.write(
        "import os; os.kill(99, 15); (home / 'seen').write_text(str(os.path.exists('/proc/98')))"
    )
    with stage.begin(subject, "one-start-thread") as execution:
        assert stage.finish(execution, "A").files["seen"] == "False"
        assert not execution.kernel.strangers


def test_others_see_where_a_process_works(stage: Stage) -> None:
    subject = stage.write(
        """
        import os
        (home / f"seen{os.getpid()}").write_text(os.readlink("/proc/101/cwd"))
        os.chdir("/tmp")
        """
    )
    with stage.begin(subject, "two-starts-empty") as execution:
        assert stage.finish(execution, "A").files["seen101"] == "/home/user/.hermes"
        assert stage.finish(execution, "B").files["seen102"] == "/tmp"


def test_pid_1_is_there_and_no_signal_ends_it(stage: Stage) -> None:
    body = "import os; os.kill(1, 9); (home / 'seen').write_text(open('/proc/1/comm').read())"
    with stage.begin(stage.write(body), "one-start-root") as execution:
        assert stage.finish(execution, "A").files["seen"] == "init\n"
    sender = Machine().who("A")
    target = target_of({"A": sender}, NO_DISK, (), "A", Call("kill", (INIT.pid, 9)), None)
    assert target is not None
    assert (target.text, target.letter) == ("pid 1", "")


def test_every_second_process_has_another_home(stage: Stage) -> None:
    subject = stage.write("import os; (home / 'seen').write_text(os.environ['HERMES_HOME'] + os.getcwd())")
    with stage.begin(subject, "one-start-two-homes") as execution:
        stage.finish(execution, "A")
        execution.make(Move("start", "B"))
        files = stage.finish(execution, "B").files
    assert files["seen"] == "/home/user/.hermes" * 2
    assert files[f"{OTHER_HOME}/seen"] == OTHER_HOME * 2
    assert TWO_HOMES.machine.who("C").home == "/home/user/.hermes"


@pytest.mark.parametrize(
    ("disk", "home", "user"),
    [
        ("like-named-homes", LIKE_NAMED_HOME, f"{USER} user /home/user"),
        ("two-users", HOME_OF_GUEST, f"{GUEST} guest /home/guest"),
    ],
)
def test_another_home_may_be_of_the_same_name_or_of_another_user(
    stage: Stage, disk: str, home: str, user: str
) -> None:
    subject = stage.write(
        "import os, pwd; name, *_, folder, _ = pwd.getpwuid(os.getuid()); "
        "assert (name, folder) == (os.environ['USER'], os.path.expanduser('~')); "
        "(home / 'seen').write_text(f'{os.getuid()} {name} {folder}')"
    )
    with stage.begin(subject, f"one-start-{disk}") as execution:
        stage.finish(execution, "A")
        execution.make(Move("start", "B"))
        files = stage.finish(execution, "B").files
        assert execution.kernel.disk().by_path()[f"{home}/seen"].uid == int(user.split()[0])
    assert files["seen"] == f"{USER} user /home/user"
    assert files[f"{home}/seen"] == user


def test_pids_begin_anew(stage: Stage) -> None:
    machine = WRAPPED.machine
    assert [machine.who(letter).pid for letter in "ABC"] == [LAST_PID, 300, 301]
    assert [machine.order_of(pid) for pid in (LAST_PID, 301, 101)] == [0, 2, None]
    with stage.begin(stage.write("pass"), "one-start-wrapped-pids") as execution:
        stage.finish(execution, "A")
        execution.make(Move("crash", "A"))
        execution.make(Move("recycle", "A"))
        assert [*execution.kernel.strangers] == [(LAST_PID, "")]
        execution.make(Move("start", "B"))
        assert execution.trace.pids == {"A": LAST_PID, "B": 300}


def test_thread_of_a_stranger_is_no_process_of_its_own() -> None:
    assert {stranger.process for stranger in THREAD.machine.strangers} == {0, 98}
    assert Stranger(5, 0, ()).process == 0
