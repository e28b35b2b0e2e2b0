"""Protocols that are right of one home, one environment and pids of one length, and their mended twins."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from stateful.model.standard import SCENARIOS, find_scenario
from stateful.protocol.subject import SubjectError
from stateful.report.text import trace_text
from stateful.report.verdict import points
from stateful.verification.verification import Verification, verify
from tests.shortened import sampled

FLOCK: Final = """import fcntl, hashlib, os, psutil, tempfile

def take(path):
    fd = os.open(path, os.O_CREAT | os.O_RDWR, {mode})
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd
"""
LOCKF: Final = FLOCK.replace("fcntl.flock(fd,", "fcntl.lockf(fd,")
WAITS: Final = FLOCK.replace(" | fcntl.LOCK_NB", "")
HEADS: Final = {"flock": FLOCK, "lockf": LOCKF}
LOCKS: Final = """
def gateway(home, serve):
    {first}
    fd = take({path})
    if fd is not None:
        serve()
        os.close(fd)
"""
OVERWRITES: Final = """
def gateway(home, serve):
    {first}
    fd = take(home / "{one}")
    if fd is None:
        return
    {cut}
    left = {text}.encode()
    while left:
        left = left[os.write(fd, left):]
    serve()
    os.close(fd)

def running_pid(home):
    try:
        pid = int((home / "{one}").read_text().split()[0])
        os.kill(pid, 0)
    except (FileNotFoundError, ValueError, IndexError, ProcessLookupError):
        return None
    return pid
"""
# The stale record is in gateway.pid: here the mistake is in who is believed to be alive, not in a name.
ALIVE: Final = """import json

def is_there(record):
    pid = record["pid"]
    try:
        os.kill(pid, 0)
        {first}
        return {alive}
    except (FileNotFoundError, ProcessLookupError, psutil.NoSuchProcess):
        return False

def gateway(home, serve):
    {second}
    guard = os.open(home / "{one}", os.O_CREAT | os.O_RDWR, {mode})
    fcntl.flock(guard, fcntl.LOCK_EX)
    path = home / "gateway.pid"
    if path.exists() and is_there(json.loads(path.read_text())):
        return
    start = int(open("/proc/self/stat").read().rpartition(")")[2].split()[19])
    (home / "{two}").write_text(json.dumps({"pid": os.getpid(), "start_time": start}))
    os.replace(home / "{two}", path)
    os.close(guard)
    serve()
"""
START: Final = 'int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[19]) == record["start_time"]'
OWNERS: Final = "at_most_one_owner"
NAMES: Final = (("app.lock", "new"), ("a", "b"), ("x.pid", "x.pid.tmp"), ("0", "1"), ("gateway.lck", "t"))
ORDERS: Final = ("pass", "home.exists()", "os.getpid()", "before = os.listdir(home)", "os.umask(0o077)")

# By kind: the broken protocol, the mended one, and what the broken one violates.
KINDS: Final[dict[str, tuple[str, str, str]]] = {
    "one lock in /tmp for all homes": (
        LOCKS.replace("{path}", '"/tmp/{one}"'),
        LOCKS.replace("{path}", """f"/tmp/{hashlib.sha256(str(home).encode()).hexdigest()}-{one}\""""),
        "homes_are_independent",
    ),
    "one lock of the user for all homes": (
        LOCKS.replace("{path}", 'os.path.expanduser("~/{one}")'),
        LOCKS.replace("{path}", 'os.path.join(os.environ["HERMES_HOME"], "{one}")'),
        "homes_are_independent",
    ),
    "one lock in /tmp for all homes of a name": (
        LOCKS.replace("{path}", 'f"/tmp/{os.getuid()}-{home.name}-{one}"'),
        LOCKS.replace("{path}", """f"/tmp/{os.getuid()}-{str(home).replace('/', '-')}-{one}\""""),
        "homes_are_independent",
    ),
    "a lock in the folder above the home": (
        LOCKS.replace("{path}", 'home.parent / "{one}"'),
        LOCKS.replace("{path}", 'home.parent / (home.name + "{one}")'),
        "homes_are_independent",
    ),
    "a lock in /tmp for all users": (
        LOCKS.replace("{path}", """f"/tmp/{os.path.relpath(home, os.path.expanduser('~'))}-{one}\""""),
        LOCKS.replace("{path}", """f"/tmp/{os.getuid()}-{str(home).replace('/', '-')}-{one}\""""),
        "only_documented_errors",
    ),
    "a lock in the working directory": (
        LOCKS.replace("{path}", '"{one}"'),
        LOCKS.replace("{path}", 'os.chdir(home) or "{one}"'),
        OWNERS,
    ),
    "a lock in the folder for temporary files": (
        LOCKS.replace("{path}", 'tempfile.gettempdir() + "/" + str(home).replace("/", "{two}") + "{one}"'),
        LOCKS.replace("{path}", 'home / os.path.basename(tempfile.gettempdir() and "{one}")'),
        OWNERS,
    ),
    "a lock in the folder of the session": (
        LOCKS.replace("{path}", 'os.environ["XDG_RUNTIME_DIR"] + "/" + str(home).replace("/", "{two}")'),
        LOCKS.replace("{path}", 'os.environ.get("HERMES_HOME") + "/{one}"'),
        OWNERS,
    ),
    "a lock that is named by the user's name": (
        LOCKS.replace("{path}", """home / f"{os.environ['USER']}-{one}\""""),
        LOCKS.replace("{path}", 'home / f"{os.getuid()}-{one}"'),
        OWNERS,
    ),
    "a lock that is named by a hash of a text": (
        LOCKS.replace("{path}", 'home / f"{hash(str(home)) % 1000}{one}"'),
        LOCKS.replace("{path}", 'home / f"{hashlib.md5(bytes(home)).hexdigest()}{one}"'),
        OWNERS,
    ),
    "a lock that is named by a hash of a tuple": (
        LOCKS.replace("{path}", 'home / format(hash((1, home, b"{two}")), "x")'),
        LOCKS.replace("{path}", 'home / format(hash((1, 2.5, None is None)), "x")'),
        OWNERS,
    ),
    "a pid over a longer one": (
        OVERWRITES.replace("{cut}", "pass").replace("{text}", "str(os.getpid())"),
        OVERWRITES.replace("{cut}", "os.ftruncate(fd, 0)").replace("{text}", "str(os.getpid())"),
        "a_live_owner_is_discoverable",
    ),
    "a line of a pid over a longer one": (
        OVERWRITES.replace("{cut}", "pass").replace("{text}", 'f"{os.getpid()}"'),
        OVERWRITES.replace("{cut}", "pass").replace("{text}", r'f"{os.getpid()}\n"'),
        "a_live_owner_is_discoverable",
    ),
    "a thread's id that is alive": (
        ALIVE.replace("{alive}", 'str(pid) not in os.listdir("/proc") or ' + START),
        ALIVE.replace("{alive}", 'str(pid) in os.listdir("/proc") and ' + START),
        "a_dead_owner_can_be_replaced",
    ),
    "a thread's id that is of a gateway": (
        ALIVE.replace("{alive}", "not psutil.pid_exists(pid) or " + START),
        ALIVE.replace("{alive}", "psutil.pid_exists(pid) and " + START),
        "a_dead_owner_can_be_replaced",
    ),
}
OTHERS: Final = ("like-named-homes", "two-users")
SMALL: Final = [
    scenario
    for scenario in SCENARIOS
    if scenario.cast.name in ("one-start", "two-starts", "exit-and-start")
    and scenario.disk.name in ("empty", "two-homes", *OTHERS, "elsewhere", "wrapped-pids", "thread")
    and scenario.plan in ((), ("kill",))
]
# The queries know a process by its pid alone.
NOT_OFFERED: Final = '\nnot_offered = {"an_answer_was_true_at_some_moment": "by the pid alone"}\n'


def judge(source: str, number: int, folder: Path, family: str = "flock") -> Verification:
    """The verdict on a protocol with other names, constants and order of calls."""
    one, two = NAMES[number % len(NAMES)]
    words = {"{one}": one, "{two}": two, "{mode}": ("0o600", "0o644", "0o666")[number % 3]}
    words |= {"{first}": ORDERS[number % len(ORDERS)], "{second}": ORDERS[(number + 2) % len(ORDERS)]}
    if "def is_there" in source:
        words["{first}"] = "pass"
    text = HEADS[family] + NOT_OFFERED + source
    for word, value in words.items():
        text = text.replace(word, value)
    file = folder / f"homes_{number}.py"
    file.write_text(text)
    return verify(str(file), SMALL)


SLOW: Final = (
    "a pid over a longer one",
    "a line of a pid over a longer one",
    "a thread's id that is alive",
    "a thread's id that is of a gateway",
)
RELATIVES: Final = [
    pytest.param(
        kind, number, id=f"{kind}-{number}", marks=[pytest.mark.long] if number or kind in SLOW else []
    )
    for kind in KINDS
    for number in range(10)
]


@pytest.mark.parametrize(("kind", "number"), sampled(RELATIVES, 20))
def test_what_is_right_only_of_one_home_or_environment_is_found(
    kind: str, number: int, tmp_path: Path
) -> None:
    broken, mended, invariant = KINDS[kind]
    family = list(HEADS)[number % 2]
    assert invariant in judge(broken, number, tmp_path, family).violations
    found = judge(mended, number, tmp_path, family)
    assert (found.violations, found.exhaustive) == ({}, True)


ONE: Final = FLOCK.format(mode="0o600") + LOCKS.format(first="pass", path='"/tmp/app.lock"')


@pytest.mark.parametrize("unit", ["user", "machine"])
def test_subject_may_let_one_owner_live_per_user_or_machine(unit: str, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(f'{ONE}\none_per = "{unit}"\n')
    found = verify(str(tmp_path / "one.py"), SMALL)
    assert not found.violations
    said = dict(points(found))
    assert said["one per"] == [f"{unit}, as the module says"]
    assert "homes_are_independent" in said["not applicable"]


def test_one_per_user_is_owed_where_it_is_said(tmp_path: Path) -> None:
    text = FLOCK.format(mode="0o600") + LOCKS.format(first="pass", path='home / "lock"')
    (tmp_path / "each.py").write_text(f'{text}\none_per = "user"\n')
    found = verify(str(tmp_path / "each.py"), [find_scenario("one-start-two-homes")])
    assert set(found.violations) == {OWNERS}


def test_one_per_is_one_of_three_words(tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(f'{ONE}\none_per = "host"\n')
    with pytest.raises(SubjectError, match="one_per must be one of 'home', 'user', 'machine', not 'host'"):
        verify(str(tmp_path / "odd.py"), SMALL[:1])


def test_start_that_waits_for_the_gateway_of_another_home_is_kept_out(tmp_path: Path) -> None:
    text = WAITS.format(mode="0o600") + LOCKS.format(first="pass", path='"/tmp/app.lock"')
    (tmp_path / "waits.py").write_text(text)
    found = verify(str(tmp_path / "waits.py"), [find_scenario("one-start-two-homes")])
    trace = found.violations["homes_are_independent"]
    assert trace.schedule == "A2 start-B B1"
    assert "B waits in flock(/tmp/app.lock, EX) for ever" in trace_text(trace)


def test_replace_leaves_the_gateway_of_another_home_alone(tmp_path: Path) -> None:
    """Of two homes that keep one record."""
    (tmp_path / "record.py").write_text(
        """import os, signal, time

def gateway(home, serve, *, replace=False):
    path = home.parent / "pid"
    if path.exists():
        if not replace:
            return
        try:
            os.kill(int(path.read_text()), signal.SIGTERM)
        except ProcessLookupError:
            pass
    path.write_text(str(os.getpid()))
    serve()
"""
    )
    found = verify(str(tmp_path / "record.py"), [find_scenario("replace-of-owner-two-homes")])
    assert "only_the_owner_is_signalled" in found.violations
    assert "A, which is no gateway of this home" in trace_text(
        found.violations["only_the_owner_is_signalled"]
    )


def test_query_does_not_name_the_gateway_of_another_home(tmp_path: Path) -> None:
    (tmp_path / "asks.py").write_text(
        """import fcntl, os

def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    (home.parent / "pid").write_text(str(os.getpid()))
    serve()
    (home.parent / "pid").unlink(missing_ok=True)

def running_pid(home):
    path = home.parent / "pid"
    return int(path.read_text() or 0) or None if path.exists() else None
"""
    )
    found = verify(str(tmp_path / "asks.py"), [find_scenario("start-and-status-two-homes")])
    assert "an_answer_was_true_at_some_moment" in found.violations
