"""``verify`` on an unknown file: layouts and habits of real modules work, others get a clear message."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from stateful.__main__ import main
from stateful.model.standard import find_scenarios
from stateful.protocol.subject import find_subject
from stateful.verification.verification import Verification, verify

SCENARIOS = find_scenarios("two-starts-empty") + find_scenarios("one-start-empty-1-kill")

# A right protocol, of which each test changes the way in which it is written.
GATEWAY = """
def gateway(home, serve):
    global handle
    handle = open(home / "lock", "a")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    serve()
"""

# Ways of writing a module in one file, by name.
HABITS = {
    "global-handle": "import fcntl\nhandle = None" + GATEWAY,
    "early-bound-names": "import fcntl\nfrom fcntl import flock\nfrom os import getpid\nLOCK = fcntl.flock\n"
    "def mine(pid=getpid): return pid()"
    + GATEWAY.replace("fcntl.flock(", "LOCK(").replace("serve()", "assert mine() > 100; serve()"),
    "environment-at-import": "import fcntl, os\nHOME = os.environ['HERMES_HOME']\nUSER = os.getenv('USER')"
    + GATEWAY.replace("home /", "HOME + '/' +").replace("'/' + \"lock\"", '"/lock"'),
    "main-guard": "import fcntl, sys"
    + GATEWAY
    + "\nif __name__ == '__main__':\n    sys.exit('it runs as a program')\n",
    "dataclass": """
import fcntl
from dataclasses import dataclass, field
from pathlib import Path

@dataclass
class Lock:
    path: Path
    handle: object = field(default=None, repr=False)

    def take(self):
        self.handle = self.path.open("a")
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

def gateway(home, serve):
    lock = Lock(home / "lock")
    if lock.take():
        serve()
""",
    "lazy-psutil": """
import fcntl, os

def is_running(pid):
    import psutil
    return psutil.pid_exists(pid) and psutil.Process(pid).is_running()
"""
    + GATEWAY.replace("serve()", "assert is_running(os.getpid()); serve()"),
    "logging": """
import fcntl, logging, sys
logging.basicConfig(stream=sys.stderr, level=logging.DEBUG)
log = logging.getLogger(__name__)
log.info("imported")
"""
    + GATEWAY.replace(
        "    serve()",
        "    log.addHandler(logging.FileHandler(home / 'gateway.log'))\n    log.warning('owns')\n    serve()",
    ),
    "flags-of-its-own": "import enum, fcntl\nclass Flag(enum.IntFlag):\n    EX = 2\n    NB = 4"
    + GATEWAY.replace("fcntl.LOCK_EX | fcntl.LOCK_NB", "Flag.EX | Flag.NB"),
    "threading-local": "import fcntl, threading, contextvars\nstate = threading.local()\n"
    "state.lock = threading.RLock()\nvariable = contextvars.ContextVar('a', default=1)"
    + GATEWAY.replace("serve()", "\n    with state.lock:\n        serve()"),
    "asynchronous-import": "import asyncio, fcntl, concurrent.futures, socket, ssl, subprocess" + GATEWAY,
    "works-elsewhere": "import fcntl, os"
    + GATEWAY.replace("global handle", "global handle; os.chdir(home)").replace('home / "lock"', '"lock"'),
    # What looks at descriptors before it makes its call, where a search runs it without a kernel.
    "descriptors": """
import fcntl, os, shutil, tempfile
"""
    + GATEWAY.replace(
        "    serve()",
        "    shutil.rmtree(tempfile.mkdtemp())\n"
        "    folder = os.open(home, os.O_RDONLY)\n"
        "    assert 'lock' in os.listdir(folder) and fcntl.fcntl(folder, fcntl.F_GETFD) == fcntl.FD_CLOEXEC\n"
        "    os.close(os.open('lock', os.O_RDONLY, dir_fd=folder))\n"
        "    assert not os.get_inheritable(folder)\n"
        "    serve()",
    ),
    "jitter": "import fcntl, random, time"
    + GATEWAY.replace("        return", "        return time.sleep(0.05 + random.random() / 10)"),
    "version": "import fcntl\nfrom importlib import metadata\n__version__ = metadata.version('pytest')\n"
    "try:\n    metadata.version('nothing-of-this-name')\n"
    "except metadata.PackageNotFoundError:\n    pass\nelse:\n    raise AssertionError\n"
    "assert metadata.entry_points(group='pytest11') and metadata.metadata('pytest')['Name']" + GATEWAY,
    "standard-streams": "import fcntl, os, sys"
    + GATEWAY.replace(
        "    serve()",
        "    sys.stdout.reconfigure(line_buffering=True)\n"
        "    print(sys.stdout.fileno(), sys.stdin.read(), sys.stdin.readline(), flush=True)\n"
        "    sys.stdout.buffer.write(b'a')\n"
        "    sys.stderr.close()\n"
        "    print('a', file=open(os.devnull, 'w'))\n"
        "    serve()",
    ),
    # It gives up once time has passed, however little.
    "no-patience": """
import fcntl, time
def gateway(home, serve):
    handle, began = open(home / "lock", "a"), time.perf_counter()
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.perf_counter() - began > 0:
                return
            time.sleep(0)
    serve()
""",
}


def look(path: Path, workers: int = 1) -> Verification:
    return verify(str(path), SCENARIOS, workers=workers)


@pytest.mark.parametrize("habit", HABITS)
def test_module_is_verified_as_it_is(tmp_path: Path, habit: str) -> None:
    path = tmp_path / "single.py"
    path.write_text(HABITS[habit])
    found = look(path)
    assert (found.verdict, found.violations) == ("holds", {})


def test_package_with_relative_imports(tmp_path: Path) -> None:
    package = tmp_path / "app" / "gateway"
    package.mkdir(parents=True)
    (tmp_path / "app" / "__init__.py").write_text("from .gateway import single\n")
    (tmp_path / "app" / "paths.py").write_text("NAME = 'lock'\n")
    (package / "__init__.py").write_text("from . import single\n")
    code = "from __future__ import annotations\nimport fcntl\nfrom ..paths import NAME\n" + GATEWAY
    (package / "single.py").write_text(code.replace('"lock"', "NAME"))
    assert find_subject(str(package / "single.py")).module == "app.gateway.single"
    assert look(package / "single.py", workers=2).verdict == "holds"


def test_package_of_mere_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "outer" / "middle" / "inner"
    folder.mkdir(parents=True)
    (folder / "single.py").write_text("import fcntl" + GATEWAY)
    (folder / "face.py").write_text("from .single import gateway\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert verify("outer.middle.inner.face", SCENARIOS[:1]).verdict == "holds"


def test_guard_that_makes_no_call_lets_two_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "single.py"
    path.write_text("def gateway(home, serve):\n    serve()\n")
    arguments = ["replay", str(path), "--scenario", "two-starts-empty", "A1 B1"]
    assert main([*arguments, "--host"]) == 1
    said = capsys.readouterr().out
    assert "    1   serve()                      begins, OWNS\n" in said
    assert "Confirmed on the host: 2 steps of 2 real processes" in said
    assert main([*arguments[:-1], "A1 start-C"]) == 1
    said = capsys.readouterr().out
    assert "-- started --                OWNS\n" in said
    assert "  - However, C owns the gateway as soon as it is started: a contradiction.\n" in said
    assert main(["verify", str(path), *arguments[2:4], "--save", str(tmp_path / "cases")]) == 1
    assert main(["replay", str(tmp_path / "cases")]) == 1


def test_contender_that_waits_is_kept_out(tmp_path: Path) -> None:
    path = tmp_path / "single.py"
    path.write_text("import fcntl" + GATEWAY.replace(" | fcntl.LOCK_NB", ""))
    assert look(path).verdict == "holds"


def test_claim_of_one_call_has_no_inside(tmp_path: Path) -> None:
    path = tmp_path / "single.py"
    path.write_text(
        "not_offered = {'a_dead_owner_can_be_replaced': ''}\n"
        "def gateway(home, serve):\n    try:\n        (home / 'lock').mkdir()\n"
        "    except FileExistsError:\n        return\n    serve()\n"
    )
    assert look(path).verdict == "holds"


def test_executor_that_is_refused_holds_nothing_up(tmp_path: Path) -> None:
    """It starts its thread under a lock that the interpreter takes at its end."""
    path = tmp_path / "single.py"
    path.write_text(
        "from concurrent.futures import ThreadPoolExecutor\n"
        "def gateway(home, serve):\n    (home / 'a').touch()\n    ThreadPoolExecutor(1).submit(print)\n"
    )
    command = [sys.executable, "-m", "stateful", "verify", str(path), "--scenario", "one-start-empty"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "called threading.Thread.start(), which is not modelled (single.py, line 4)" in done.stderr


# What is not modelled, and what is said of it.
REFUSED = {
    "fork": (
        "import os\ndef gateway(home, serve):\n    if os.fork() == 0:\n        serve()\n",
        "called os.fork(), which is not modelled (single.py, line 3): a simulated process starts no others; "
        "leave it out of the code under test, or stub it in a wrapper module",
    ),
    "socket": (
        "import socket\ndef gateway(home, serve):\n    socket.socket().bind(('127.0.0.1', 9))\n",
        "reached socket.__new__(2, 1, 0), which is not modelled (single.py, line 3): a simulated machine has "
        "no network; leave it out of the code under test, or stub it in a wrapper module",
    ),
    "psutil": (
        "def gateway(home, serve):\n    import psutil\n    psutil.net_connections()\n    serve()\n",
        "used psutil.net_connections, which is not modelled (single.py, line 3): README says what of psutil "
        "is modelled; leave it out of the code under test, or stub it in a wrapper module",
    ),
    "elsewhere": (
        "import sys\ndef gateway(home, serve):\n    open(sys.prefix + '/a', 'w')\n    serve()\n",
        f"opened {__import__('sys').prefix}/a for writing, which is outside its home directory (single.py, "
        "line 3); let the code under test keep its files in the home that it is given",
    ),
    "system-folder": (
        "def gateway(home, serve):\n    open('/var/run/a.pid', 'w')\n    serve()\n",
        "opened /var/run/a.pid for writing, which is outside its home directory (single.py, line 2); let the "
        "code under test keep its files in the home that it is given",
    ),
    "part-of-proc": (
        "import os\ndef gateway(home, serve):\n    os.listdir('/proc/self/fd')\n    serve()\n",
        "looked at /proc/101/fd, which the simulated machine does not have (single.py, line 3); leave it out "
        "of the code under test, or stub it in a wrapper module",
    ),
    "machine-id": (
        "def gateway(home, serve):\n    open('/etc/machine-id').read()\n    serve()\n",
        "looked at /etc/machine-id, which the simulated machine does not have (single.py, line 2); leave it "
        "out of the code under test, or stub it in a wrapper module",
    ),
    "signal-mask": (
        "import signal\ndef gateway(home, serve):\n    signal.pthread_sigmask(signal.SIG_BLOCK, {15})\n",
        "called signal.pthread_sigmask(), which is not modelled (single.py, line 3); leave it out of the "
        "code under test, or stub it in a wrapper module",
    ),
    "collector": (
        "import gc\ndef gateway(home, serve):\n    gc.collect()\n    serve()\n",
        "called gc.collect(), which is not modelled (single.py, line 3); leave it out of the code under "
        "test, or stub it in a wrapper module",
    ),
    "device": (
        "import os\ndef gateway(home, serve):\n    open(os.devnull).fileno()\n    serve()\n",
        "asked for the descriptor of /dev/null, which is not modelled (single.py, line 3); leave it out of "
        "the code under test, or stub it in a wrapper module",
    ),
    "record-lock": (
        "import fcntl\ndef gateway(home, serve):\n    fcntl.fcntl(open(home / 'a', 'w'), fcntl.F_SETLK)\n",
        "called fcntl.fcntl(fd, 6), which is not modelled (single.py, line 3); fcntl.flock and fcntl.lockf "
        "are",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_message_says_which_call_from_which_line_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    code, said = REFUSED[what]
    path = tmp_path / "single.py"
    path.write_text(code)
    assert main(["verify", str(path), "--scenario", "one-start-empty", "--workers", "1"]) == 2
    assert capsys.readouterr().err == f"stateful: the subject {said}\n"


def test_library_line_is_told_with_its_package(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "__init__.py").write_text(
        textwrap.dedent("""
        import ctypes
        def take(): ctypes.CDLL(None)
        """)
    )
    (tmp_path / "single.py").write_text("import locks\ndef gateway(home, serve):\n    locks.take()\n")
    arguments = ["verify", str(tmp_path / "single.py"), "--scenario", "one-start-empty", "--workers", "1"]
    assert main(arguments) == 2
    assert "(locks/__init__.py, line 3)" in capsys.readouterr().err
