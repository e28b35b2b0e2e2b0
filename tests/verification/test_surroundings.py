"""The world around a process is the same on every machine, and what a process does to it stays there."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest

from stateful.model.call import Delivery, Errno, UnmodelledSyscall
from stateful.model.standard import find_scenario
from stateful.verification.verification import Verification, verify

LOCK: Final = """import fcntl, os, sys

def lock(home):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
"""
ASKS: Final = """
def gateway(home, serve):
    if lock(home):
        {what}
        serve()
"""
SMALL: Final = [find_scenario(name) for name in ("one-start-empty", "two-starts-empty-1-kill")]
PLACES: Final = [*SMALL, find_scenario("one-start-no-proc"), find_scenario("two-starts-empty-1-errno")]


def judge(body: str, folder: Path, name: str = "asks") -> Verification:
    (folder / f"{name}.py").write_text(LOCK + body)
    return verify(str(folder / f"{name}.py"), SMALL)


TOLD: Final = """
import _random, datetime, grp, os, platform, pwd, random, resource, ssl, sys, threading, time
from pathlib import Path
home = Path("/home/user/.hermes")

class Thing:
    pass

def gateway(home, serve):
    things = [Thing(), Thing()]
    told = [
        *map(id, things), id(things[0]), _random.Random().random(), random.random(), ssl.RAND_bytes(4),
        threading.get_ident(), threading.current_thread().name, threading.main_thread().ident,
        threading.main_thread().native_id, threading.enumerate(), threading.active_count(),
        time.strftime("%H %Z"), time.tzname, time.localtime(0), datetime.datetime.now().astimezone(),
        os.times(), os.cpu_count(), os.sched_getaffinity(0), os.sysconf("SC_NPROCESSORS_ONLN"),
        os.sysconf("SC_PAGE_SIZE"), os.getloadavg(), os.getrandom(3), resource.getrusage(0),
        resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_CORE),
        pwd.getpwuid(os.getuid()), pwd.getpwnam("root"), len(pwd.getpwall()), grp.getgrgid(os.getgid()),
        sys.executable, os.path.exists("/bin/sh"), os.access(sys.executable, os.X_OK), os.stat("/usr/bin"),
    ]
    (home / "told").write_text(repr(told))
    serve()
"""
SHOW: Final = """
import sys
from stateful.model.schedule import parse_schedule
from stateful.model.standard import find_scenario
from stateful.protocol.subject import find_subject
from stateful.run.execution import Execution

junk = [object() for _ in range(int(sys.argv[2]))]
with Execution(find_subject(sys.argv[1]), find_scenario("two-starts-empty")) as execution:
    for move in parse_schedule("A3 B3"):
        execution.make(move)
    print(execution.kernel.disk().by_path()["/home/user/.hermes/told"].content.decode())
"""


def test_process_is_told_the_same_on_every_machine_and_in_every_time_zone(tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text(TOLD)

    def told(zone: str, seed: str, junk: str) -> str:
        environment = {"TZ": zone, "PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)}
        command = [sys.executable, "-c", SHOW, str(tmp_path / "told.py"), junk]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    first = told("UTC", "1", "7")
    assert "MainThread" in first
    assert told("Asia/Tokyo", "2", "10007") == first


@pytest.mark.parametrize(
    "what",
    (
        "os.stat('/bin/none')",
        "import pwd; pwd.getpwuid(77)",
        "import pwd; pwd.getpwnam('nobody')",
        "import grp; grp.getgrgid(77)",
        "os.get_terminal_size()",
        "import readline; readline.read_history_file('history')",
    ),
)
def test_what_an_ordinary_machine_lacks_is_not_there(what: str, tmp_path: Path) -> None:
    body = ASKS.format(
        what=f"try: {what}\n        except (KeyError, OSError): pass\n        else: raise ValueError"
    )
    assert judge(body, tmp_path).verdict == "holds"


@pytest.mark.parametrize(
    ("what", "words"),
    (
        ("open('/proc/locks').read()", "looked at /proc/locks"),
        ("import readline; readline.write_history_file('a')", r"readline.write_history_file\(\)"),
        ("os.environ['TZ'] = 'Asia/Tokyo'; import time; time.tzset()", "set its time zone to Asia/Tokyo"),
        ("open('/bin/sh', 'rb').read()", "opened /bin/sh"),
        ("os.listdir('/usr/bin')", "looked into /usr/bin"),
        ("os.unlink('/bin/sh')", "tried to remove /bin/sh"),
        ("import subprocess; subprocess.run(['/bin/sh', '-c', 'true'])", "subprocess.Popen"),
    ),
)
def test_what_is_not_modelled_is_refused_in_words(what: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UnmodelledSyscall, match=words):
        judge(ASKS.format(what=what), tmp_path)
    assert not (tmp_path / "a").exists()


def test_nothing_is_written_to_the_real_output(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    what = "print('a'); sys.__stdout__.write('b'); sys.__stdout__.flush(); sys.__stderr__.write('c')"
    assert judge(ASKS.format(what=what), tmp_path).verdict == "holds"
    assert capfd.readouterr() == ("", "")


ONCE: Final = """
import decimal, threading, xml.dom
import json as notation

def gateway(home, serve):
    {begin}
    if {seen}:
        return
    {mark}
    if lock(home):
        serve()
        assert {seen} and xml.dom
"""


@pytest.mark.parametrize(
    ("begin", "seen", "mark"),
    (
        ("", 'hasattr(notation, "begun")', "notation.begun = True"),
        ("", 'getattr(decimal, "begun", 0)', 'setattr(decimal, "begun", 1)'),
        ("", 'hasattr(threading.Thread, "begun")', "threading.Thread.begun = True"),
        ("", 'os.sep == "!"', 'os.sep = "!"'),
        ("", 'not hasattr(notation, "dumps")', "del notation.dumps"),
        ("import wave", 'hasattr(wave, "begun")', "wave.begun = 1"),
        ('flag = "beg" + "un"', "hasattr(xml, flag)", "setattr(xml, flag, 1)"),
        ("", "sys.excepthook is print", "sys.excepthook = print"),
    ),
)
def test_attribute_that_is_set_on_a_shared_module_stays_in_its_process(
    begin: str, seen: str, mark: str, tmp_path: Path
) -> None:
    found = judge(ONCE.format(begin=begin or "pass", seen=seen, mark=mark), tmp_path, "once")
    assert (found.verdict, found.exhaustive) == ("holds", True)


def test_extension_module_is_an_attribute_of_its_package(tmp_path: Path) -> None:
    """The second process found it in ``sys.modules``, and its own copy of the package had no attribute."""
    what = 'package = __import__("markupsafe", globals(), {}, ["_speedups"]); package._speedups'
    assert judge(ASKS.format(what=what), tmp_path).verdict == "holds"


def test_process_that_removes_modules_removes_only_its_own(tmp_path: Path) -> None:
    assert judge(ASKS.format(what="sys.modules.clear()"), tmp_path).verdict == "holds"
    assert "json" in sys.modules


def test_refusal_concerns_only_the_scenarios_in_which_it_happens(tmp_path: Path) -> None:
    what = "os.path.exists('/proc/self/stat') or os.pipe()"
    (tmp_path / "asks.py").write_text(LOCK + ASKS.format(what=what))
    found = verify(str(tmp_path / "asks.py"), PLACES)
    assert [result.verdict for result in found.results] == ["holds", "holds", "unknown", "unknown"]
    assert "os.pipe()" in found.results[2].reason
    assert found.verdict == "unknown"


def test_schedule_is_the_same_in_every_folder(tmp_path: Path) -> None:
    body = "from pathlib import Path\nHERE = Path(__file__).resolve().parent\n" + LOCK
    body += "def gateway(home, serve):\n    lock(home)\n    serve()\n"
    schedules = set()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as elsewhere:
        for folder in (tmp_path / "a" / "b", Path(elsewhere)):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "resolves.py").write_text(body)
            found = verify(str(folder / "resolves.py"), [find_scenario("two-starts-empty")])
            schedules.add(found.violations["at_most_one_owner"].schedule)
    assert len(schedules) == 1


def test_psutil_says_that_a_process_has_just_gone(tmp_path: Path) -> None:
    body = """
import psutil, signal
def gateway(home, serve, *, replace=False):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if not replace:
            return
        try:
            psutil.Process(int(os.pread(fd, 20, 0) or b"99")).kill()
        except psutil.NoSuchProcess:
            pass
        fcntl.flock(fd, fcntl.LOCK_EX)
    os.pwrite(fd, b"%d" % os.getpid(), 0)
    serve()
not_offered = {"only_the_owner_is_signalled": "a pid may be given again"}
"""
    (tmp_path / "kills.py").write_text(LOCK + body)
    found = verify(str(tmp_path / "kills.py"), [find_scenario("replace-of-owner-empty-1-kill")])
    assert "only_documented_errors" not in found.violations


def test_interrupted_call_is_not_taken_for_one_that_failed() -> None:
    """Both are tuples of one number: ENOENT is 2, and so is SIGINT."""
    assert Errno(2) != Delivery(2)
