"""Broken protocols that the search once passed, because a table of call names lacked a name or a condition.

Findings of the referee of answers (``tests/search/test_answers.py``) are kept here, each with one sentence.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stateful.model.lifecycle import Outcome
from stateful.model.schedule import format_schedule, parse_schedule
from stateful.model.standard import find_scenario
from stateful.model.syscalls import SYSCALLS
from stateful.protocol.subject import find_subject
from stateful.run.replay import replay
from stateful.search import explorer
from stateful.search.symmetry import Symmetry
from tests.search.answers import FULL, execute, search, search_all, write
from tests.shortened import sampled

# The scenario, the invariant that is broken there, and what was missed.
MISJUDGED = {
    # The memo of disks took a listing for its names alone, without their kinds.
    "scans_kinds": ("one-start-empty-1-kill", "a_dead_owner_can_be_replaced"),
    # The reduction of private folders in /tmp did not count a rename as a look at another's folder.
    "takes_the_folder": ("two-starts-empty", "at_most_one_owner"),
    # No fault befell sendfile, and a full or read-only disk let it write.
    "wedged_by_sendfile": ("start-and-exit-stale-1-bad-disk", "a_dead_owner_can_be_replaced"),
    # The call that came after it, which was refused in words until it was modelled.
    "wedged_by_copy_file_range": ("start-and-exit-stale-1-bad-disk", "a_dead_owner_can_be_replaced"),
}

# No SIGTERM arrived right before a step that no other process sees, and the handler made that step fail.
SIGTERM = """
import os, signal
def told(*_):
    raise OSError("told")
def gateway(home, serve):
    signal.signal(signal.SIGTERM, told)
    fd = os.open(home / "x", os.O_CREAT | os.O_RDWR)
    try:
        os.fsync(fd)
    except OSError:
        os.mkdir(home / "y")
    if os.path.exists(home / "y"):
        raise ValueError
    serve()
"""
# No disk got full right before a step in a private folder of /tmp.
DISK_FULL = """
import os, tempfile
def gateway(home, serve):
    folder = tempfile.mkdtemp()
    try:
        os.mkdir(folder + "/mark")
    except OSError:
        raise ValueError
    os.stat(home)
    serve()
"""
# A file of a private folder in /tmp stayed private after a hard link to it was made elsewhere.
LINKED = """
import os, tempfile
def gateway(home, serve):
    if os.path.exists(home / "pid"):
        if (home / "pid").read_text() == "": serve()
        return
    folder = tempfile.mkdtemp()
    fd = os.open(folder + "/new", os.O_CREAT | os.O_RDWR)
    os.link(folder + "/new", home / "pid")
    os.write(fd, b"x")
    os.stat(home)
    serve()
"""
# A symbolic link in a private folder in /tmp led to the home, and what was done there was hidden.
LEADS_OUT = """
import os, tempfile
def gateway(home, serve):
    folder = tempfile.mkdtemp()
    os.symlink("../../home/user/.hermes/lock", folder + "/lock")
    if not os.path.exists(folder + "/lock"):
        os.close(os.open(folder + "/lock", os.O_CREAT))
        os.stat(home)
        serve()
"""
# A symbolic link in the home led into a private folder in /tmp.
LEADS_IN = """
import os, tempfile
def gateway(home, serve):
    try:
        os.stat(home / "where")
    except FileNotFoundError:
        folder = tempfile.mkdtemp()
        os.symlink(folder, home / "where")
        os.mkdir(folder + "/mark")
        os.stat(home)
        serve()
    else:
        if not os.path.exists(home / "where" / "mark"):
            serve()
"""
# What is stamped in a private folder in /tmp depends on whether another process sleeps before.
STAMPED = """
import os, tempfile, time
def gateway(home, serve):
    folder = tempfile.mkdtemp()
    a = os.stat(folder).st_mtime
    os.close(os.open(folder + "/mark", os.O_CREAT))
    b = os.stat(folder + "/mark").st_mtime
    if a != b:
        os.stat(home)
        serve()
    else:
        try:
            os.mkdir(home / "lock")
        except OSError: return
        time.sleep(1)
        serve()
"""
# The machine is suspended within what is done in a private folder in /tmp.
SUSPENDED = """
import os, tempfile
def gateway(home, serve):
    folder = tempfile.mkdtemp()
    os.close(os.open(folder + "/mark", os.O_CREAT))
    if os.stat(folder + "/mark").st_mtime != os.stat(folder).st_mtime:
        raise ValueError
    serve()
"""
# Reading /proc/stat was hidden, and its boot time follows a wall clock that is set.
BOOT_TIME = """
def gateway(home, serve):
    a = open("/proc/stat").read()
    b = open("/proc/stat").read()
    if a != b: raise ValueError
    serve()
"""
# Where each name may be lost for itself, a renamed folder stood under both names, and the search crashed.
RENAMED = """
import os
def gateway(home, serve):
    os.mkdir(home / "slot")
    os.rename(home / "slot", home / "lock")
    serve()
"""
# A clock, or the length of a file, was read with a hidden step before it: others change what it tells.
SLEEPS = """
import os, time
def gateway(home, serve):
    try:
        os.open(home / "lock", os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        time.sleep(1)
        return
    fd = os.open(home / "x", os.O_CREAT)
    begun = time.monotonic()
    os.close(fd)
    now = time.monotonic()
    os.stat(home)
    if abs(now - begun) >= 1: raise ValueError
    serve()
"""
CLOCK_IS_SET = SLEEPS.replace("time.sleep(1)", "pass").replace("time.monotonic", "time.time")
SLEEPS_DEEPLY = CLOCK_IS_SET.replace("time.time()", "time.clock_gettime(time.CLOCK_BOOTTIME)")
GROWS = """
import os
def gateway(home, serve):
    log = os.open(home / "log", os.O_CREAT | os.O_RDWR | os.O_APPEND)
    try:
        os.open(home / "lock", os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        os.write(log, b"x")
        return
    fd = os.open(home / "x", os.O_CREAT)
    begun = os.lseek(log, 0, os.SEEK_END)
    os.close(fd)
    now = os.lseek(log, 0, os.SEEK_END)
    os.stat(home)
    if now != begun: raise ValueError
    serve()
"""
# The times of a file of /proc are now, and they were read with a hidden step.
LOOKS_AT_PROC = """
import os, time
def gateway(home, serve):
    try:
        os.open(home / "lock", os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        time.sleep(1)
        return
    begun = os.stat("/proc/self/stat").st_mtime
    now = os.stat("/proc/self/stat").st_mtime
    os.stat(home)
    if now != begun: raise ValueError
    serve()
"""
LOOKS_AT_PROC_AS_CLOCK_IS_SET = LOOKS_AT_PROC.replace("time.sleep(1)", "pass")
LOOKS_AT_OPEN_PROC = LOOKS_AT_PROC.replace(
    "    begun = os.stat", '    fd = os.open("/proc/self/stat", 0)\n    begun = os.stat'
).replace('os.stat("/proc/self/stat")', "os.fstat(fd)")
# As GROWS: the next hole of a file without holes is its end.
GROWS_BEFORE_A_HOLE = """
import os
def gateway(home, serve):
    log = os.open(home / "log", os.O_CREAT | os.O_RDWR | os.O_APPEND)
    try:
        os.open(home / "lock", os.O_CREAT | os.O_EXCL)
    except FileExistsError:
        os.write(log, b"x")
        return
    fd = os.open(home / "x", os.O_CREAT)
    begun = os.lseek(log, 0, os.SEEK_HOLE) if os.fstat(log).st_size else 0
    os.close(fd)
    try:
        now = os.lseek(log, 0, os.SEEK_HOLE)
    except OSError:
        now = 0
    os.stat(home)
    if now != begun: raise ValueError
    serve()
"""
# A process that installs no handler seemed to handle no signal, and Python handles SIGINT: one from another
# process, and one from the world, arrives right before a hidden step.
INTERRUPTED = """
import os
def gateway(home, serve):
    try:
        fd = os.open(home / "pid", os.O_CREAT | os.O_EXCL | os.O_RDWR)
    except FileExistsError:
        text = (home / "pid").read_text()
        try:
            if text: os.kill(int(text), 2)
        except ProcessLookupError: pass
        return
    os.write(fd, b"%d" % os.getpid())
    try:
        os.fsync(fd)
    except KeyboardInterrupt:
        raise ValueError
    try:
        os.stat(home)
        serve()
    except KeyboardInterrupt: pass
"""
INTERRUPTED_BY_THE_WORLD = """
import os
def gateway(home, serve):
    fd = os.open(home / "x", os.O_CREAT | os.O_RDWR)
    try:
        os.fsync(fd)
    except KeyboardInterrupt:
        os.mkdir(home / "y")
    try:
        if os.path.exists(home / "y"): raise ValueError
        serve()
    except KeyboardInterrupt: pass
"""
# A SIGTERM kills, unless it arrives after the hidden step with which its handler is installed.
HANDLES_LATE = """
import os, signal
def gateway(home, serve):
    try:
        os.mkdir(home / "lock")
    except FileExistsError:
        text = (home / "pid").read_text() if (home / "pid").exists() else ""
        if text and os.path.exists(f"/proc/{text}") and not os.path.exists(f"/proc/{text}"):
            raise ValueError
        return
    fd = os.open(home / "pid", os.O_CREAT | os.O_RDWR)
    os.write(fd, b"%d" % os.getpid())
    os.fsync(fd)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.stat(home)
    serve()
"""
# The first look at a file gives it the next inode number, also in a private folder.
NUMBERS = """
import os, tempfile, fcntl
def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if os.stat(home / "lock").st_ino == 1: raise ValueError
        return
    os.stat(tempfile.mkdtemp())
    os.path.exists(home)
    serve()
"""
# A process that waits for another one is always behind it, and no exchange of the two was checked.
LOWER = """
import os, fcntl
def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    text = os.pread(fd, 9, 0).decode()
    if text and os.path.exists("/proc/" + text) and int(text) < os.getpid():
        return
    os.pwrite(fd, b"%d" % os.getpid(), 0)
    for _ in range(9): os.stat(home)
    fcntl.flock(fd, fcntl.LOCK_UN)
    serve()
"""
# A listing of exchanged names was not in the order in which the kernel lists them.
FIRST_OF_THE_NAMES = """
import os, fcntl
def gateway(home, serve):
    me = str(os.getpid())
    os.close(os.open(home / me, os.O_CREAT))
    fd = os.open("/tmp/lock", os.O_CREAT)
    fcntl.flock(fd, fcntl.LOCK_EX)
    names = os.listdir(home)
    won = os.path.exists("/tmp/won")
    if len(names) > 1 and names[0] == me and won:
        raise ValueError
    if not won:
        os.close(os.open("/tmp/won", os.O_CREAT))
        for _ in range(9): os.stat(home)
        fcntl.flock(fd, fcntl.LOCK_UN)
        serve()
"""

HIDDEN = {
    "LOOKS_AT_PROC": (LOOKS_AT_PROC, "two-starts-empty"),
    "LOOKS_AT_PROC_AS_CLOCK_IS_SET": (LOOKS_AT_PROC_AS_CLOCK_IS_SET, "start-and-exit-empty-1-clock-step"),
    "LOOKS_AT_OPEN_PROC": (LOOKS_AT_OPEN_PROC, "two-starts-empty"),
    "GROWS_BEFORE_A_HOLE": (GROWS_BEFORE_A_HOLE, "two-starts-empty"),
    "INTERRUPTED": (INTERRUPTED, "two-starts-empty"),
    "INTERRUPTED_BY_THE_WORLD": (INTERRUPTED_BY_THE_WORLD, "start-and-exit-empty-1-sigint"),
    "HANDLES_LATE": (HANDLES_LATE, "two-starts-empty-1-sigterm"),
    "NUMBERS": (NUMBERS, "two-starts-empty"),
    "LOWER": (LOWER, "two-starts-empty"),
    "FIRST_OF_THE_NAMES": (FIRST_OF_THE_NAMES, "two-starts-empty"),
    "SLEEPS": (SLEEPS, "two-starts-empty"),
    "CLOCK_IS_SET": (CLOCK_IS_SET, "start-and-exit-empty-1-clock-step"),
    "SLEEPS_DEEPLY": (SLEEPS_DEEPLY, "start-and-exit-empty-1-suspend"),
    "GROWS": (GROWS, "two-starts-empty"),
    "SIGTERM": (SIGTERM, "start-and-exit-empty-1-sigterm"),
    "DISK_FULL": (DISK_FULL, "start-and-exit-empty-1-bad-disk"),
    "LINKED": (LINKED, "two-starts-empty"),
    "LEADS_OUT": (LEADS_OUT, "two-starts-empty"),
    "LEADS_IN": (LEADS_IN, "two-starts-empty"),
    "STAMPED": (STAMPED, "two-starts-empty"),
    "RENAMED": (RENAMED, "start-and-exit-empty-1-power-loss"),
    "SUSPENDED": (SUSPENDED, "start-and-exit-empty-1-suspend"),
    "BOOT_TIME": (BOOT_TIME, "start-and-exit-empty-1-clock-step"),
}

# The disk that a question met had been met before the first turn of any, when A was asked; now another is.
OWN_PID = """
import os
def gateway(home, serve):
    text = (home / "gateway.pid").read_text()
    if '"pid"' in text and f'"pid": {os.getpid()},' not in text:
        return
    if text.isdigit() and os.path.exists("/proc/" + text):
        return
    (home / "gateway.pid").write_text(str(os.getpid()))
    serve()
"""
# A question was asked of the process with the highest pid only.
NEWER = """
import os, fcntl
def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return
    text = os.pread(fd, 9, 0)
    if text and int(text) > os.getpid():
        return
    os.pwrite(fd, b"%d" % os.getpid(), 0)
    serve()
"""
# What no search found, with reductions or without: source, scenario, what is violated, and a schedule of it.
NOT_ASKED = {
    "OWN_PID": (OWN_PID, "one-start-own-pid-1-kill", "a_dead_owner_can_be_replaced", "A1 crash-A start-B B4"),
    "NEWER": (NEWER, "two-starts-empty", "a_dead_owner_can_be_replaced", "B4 crash-B A4"),
}

# An execution, but no question, found fault with a query beside a process that does not own, and holds a lock
# without moving: the query answers None, or polls for long. It does not run alone, so both are right.
WAITS_WITH_THE_LOCK = """
import os, fcntl, select
def gateway(home, serve, replace=False):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    text = os.pread(fd, 9, 0).decode()
    if text and os.path.exists("/proc/" + text):
        if not replace: return
        behind = os.pidfd_open(int(text))
        os.kill(int(text), 15)
        select.select([behind], [], [])
    os.pwrite(fd, b"%d" % os.getpid(), 0)
    fcntl.flock(fd, fcntl.LOCK_UN)
    serve()
def running_pid(home):
    try: fd = os.open(home / "lock", os.O_RDONLY)
    except FileNotFoundError: return None
    for _ in range(1):
        try: fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError: continue
        text = os.pread(fd, 9, 0).decode()
        return int(text) if text and os.path.exists("/proc/" + text) else None
    return None
"""
POLLS = WAITS_WITH_THE_LOCK.replace("range(1)", "range(205)")

# No step of an ended process is possible, and the search that made one, to check an exchange, crashed.
ENDS_ELSEWHERE = """
import os, fcntl
def gateway(home, serve):
    me = os.getpid()
    os.mkdir(home / str(me))
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    if not os.fstat(fd).st_size:
        os.write(fd, b"%d" % me)
        for _ in range(15): os.stat(home)
        fcntl.flock(fd, fcntl.LOCK_UN)
        serve()
        return
    if int(os.pread(fd, 9, 0)) > me:
        return
    os.stat(home)
"""


@pytest.mark.parametrize("name", MISJUDGED)
def test_protocol_that_was_called_right_is_violated(search: Any, name: str) -> None:
    scenario, invariant = MISJUDGED[name]
    assert invariant in search(f"tests/planted/{name}.py", find_scenario(scenario)).violations


@pytest.mark.parametrize("name", sampled(HIDDEN))
def test_searches_agree_on_what_they_did_not(tmp_path: Path, name: str) -> None:
    source, scenario = HIDDEN[name]
    subject = write(source, tmp_path, f"misjudged_{name.lower()}")
    found = search_all(subject, find_scenario(scenario), {"no reduction": FULL, "reduced": {}})
    assert found["reduced"].broken == found["no reduction"].broken
    assert found["reduced"].broken or name in ("RENAMED",)


@pytest.mark.parametrize(("name", "call"), [("SLEEPS", "clock"), ("CLOCK_IS_SET", "wall")])
def test_searches_differ_if_a_row_tells_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, call: str
) -> None:
    monkeypatch.setitem(SYSCALLS, call, SYSCALLS[call]._replace(tells_time=False))
    source, scenario = HIDDEN[name]
    subject = write(source, tmp_path, f"no_time_{name.lower()}")
    found = search_all(subject, find_scenario(scenario), {"no reduction": FULL, "reduced": {}})
    assert found["reduced"].broken != found["no reduction"].broken


@pytest.mark.parametrize("name", NOT_ASKED)
def test_question_that_was_not_asked_is_asked(tmp_path: Path, name: str) -> None:
    source, scenario, invariant, schedule = NOT_ASKED[name]
    subject = write(source, tmp_path, f"not_asked_{name.lower()}")
    found = search_all(subject, find_scenario(scenario), {"no reduction": FULL, "reduced": {}})
    for each in found.values():
        assert each.result.broken
        assert format_schedule(each.result.broken[invariant]) == schedule
    assert invariant in execute(subject, find_scenario(scenario))


@pytest.mark.parametrize("source", (WAITS_WITH_THE_LOCK, POLLS), ids=("WAITS_WITH_THE_LOCK", "POLLS"))
def test_query_beside_a_process_that_does_not_own_is_not_alone(tmp_path: Path, source: str) -> None:
    subject = write(source, tmp_path, f"waits_with_the_lock_{len(source)}")
    scenario = find_scenario("replace-of-owner-empty")
    asked = "A5 B2 status-C C3" if source is WAITS_WITH_THE_LOCK else "A5 B2 status-C C207"
    trace = replay(subject, scenario, parse_schedule(asked))
    assert trace.violation is None
    assert trace.steps[-1].outcome == Outcome("answered", None, status=0, tells_plans=True)
    assert not search(subject, scenario, referee=False).result.violations


def test_exchanged_path_on_which_a_process_has_ended_ends_the_symmetry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Symmetry, "_check", lambda *_: None)
    monkeypatch.setattr(explorer, "NODES_BETWEEN_CHECKS", 1)
    subject, scenario = write(ENDS_ELSEWHERE, tmp_path, "ends_elsewhere"), find_scenario("two-starts-empty")
    found = search_all(subject, scenario, {"no reduction": FULL, "reduced": {}})
    assert found["reduced"].result.states == found["no reduction"].result.states


def test_replace_may_give_up_beside_a_stopped_owner_whose_file_was_removed() -> None:
    schedule = "replace-A A36 sigstop-A remove-gateway.lock replace-B B19"
    trace = replay(find_subject("reference"), find_scenario("any-empty"), parse_schedule(schedule))
    assert trace.violation is None


# An execution did not compare the disks at the first step of a process of the cast.
EVEN_QUERIES_WRITE = """
import fcntl, os
def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    os.pwrite(fd, str(os.getpid()).encode(), 0)
    serve()
def running_pid(home):
    if os.getpid() % 2 == 0:
        os.close(os.open(home / "asked", os.O_CREAT | os.O_WRONLY, 0o600))
    return int((home / "lock").read_text())
"""


def test_first_step_of_a_query_of_the_cast_is_judged_when_it_is_executed(tmp_path: Path) -> None:
    subject = write(EVEN_QUERIES_WRITE, tmp_path, "even_queries_write")
    trace = replay(subject, find_scenario("start-and-status-empty"), parse_schedule("A3 B1"))
    assert trace.violation is not None
    assert trace.violation.invariant == "readers_change_nothing"
