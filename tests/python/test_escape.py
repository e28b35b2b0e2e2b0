"""No effect of a subject reaches the host: it is modelled, or the run ends with a message that says where.

Each row of the tables is a subject in one or a few lines: ``id``, code, and the message or result.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stateful.model.call import UnmodelledSyscall
from stateful.model.schedule import STEP, Move

if TYPE_CHECKING:
    from conftest import Stage

assert ctypes  # It loads a library of its own when it is imported, and each of the rows would be blamed.

# The line that is blamed is the last, or the one that ends with ``# here``.
STOPPED = (
    # Threads, greenlets, event loops
    ("thread", "import threading\nthreading.Thread(target=print).start()", "threading.Thread.start()"),
    ("timer", "import threading\nthreading.Timer(1, print).start()", "threading.Thread.start()"),
    ("low-level-thread", "import _thread\n_thread.start_new_thread(print, ())", "threading.Thread.start()"),
    (
        "thread-pool",
        "from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor(1).submit(print)",
        "threading.Thread.start()",
    ),
    ("asyncio", "import asyncio\nasyncio.run(asyncio.sleep(0))", "select."),
    ("greenlet", "import greenlet\ngreenlet.greenlet(print).switch()", "greenlet.greenlet"),
    # Child processes
    ("fork", "import os\nos.fork()", "os.fork()"),
    ("forkpty", "import pty\npty.fork()", "os.forkpty()"),
    (
        "multiprocessing-fork",
        "from multiprocessing import get_context\nget_context('fork').Process(target=print).start()",
        "multiprocessing.process.BaseProcess.start()",
    ),
    (
        "multiprocessing-spawn",
        "from multiprocessing import get_context\nget_context('spawn').Process(target=print).start()",
        "multiprocessing.process.BaseProcess.start()",
    ),
    ("multiprocessing-lock", "import multiprocessing\nmultiprocessing.Lock()", "SemLock()"),
    (
        "shared-memory",
        "from multiprocessing import shared_memory\nshared_memory.SharedMemory(create=True, size=1)",
        "_posixshmem.shm_open()",
    ),
    (
        "process-pool",
        "from concurrent.futures import ProcessPoolExecutor\nProcessPoolExecutor(1).submit(print)",
        "os.pipe()",
    ),
    ("subprocess", "import subprocess\nsubprocess.run(['true'])", "subprocess.Popen()"),
    ("popen", "import os\nos.popen('true').read()", "subprocess.Popen()"),
    ("fork-exec", "import _posixsubprocess\n_posixsubprocess.fork_exec()", "fork_exec()"),
    ("system", "import os\nos.system('true')", "os.system()"),
    ("posix-spawn", "import os\nos.posix_spawn('/bin/true', ['true'], {})", "os.posix_spawn()"),
    ("spawnv", "import os\nos.spawnv(os.P_WAIT, '/bin/true', ['true'])", "os.fork()"),
    ("execv", "import os\nos.execv('/bin/true', ['true'])", "os.execv()"),
    ("execvp", "import os\nos.execvp('true', ['true'])", "os.execv()"),
    # Signals
    (
        "pthread-kill",
        "import signal, threading\nsignal.pthread_kill(threading.get_ident(), 9)",
        "signal.pthread_kill()",
    ),
    ("alarm", "import signal\nsignal.alarm(1)", "signal.alarm()"),
    ("alarm-of-c", "import _signal\n_signal.alarm(1)", "signal.alarm()"),
    ("interval-timer", "import signal\nsignal.setitimer(signal.ITIMER_REAL, 1)", "signal.setitimer()"),
    # Network and other machinery
    ("socket", "import socket\nsocket.socket()", "socket.__new__("),
    ("socket-of-c", "import _socket\n_socket.socket()", "socket.__new__("),
    ("connection", "import socket\nsocket.create_connection(('127.0.0.1', 9))", "socket.getaddrinfo("),
    ("url", "from urllib.request import urlopen\nurlopen('http://127.0.0.1:9')", "urllib.Request("),
    ("epoll", "import select\nselect.epoll()", "select.epoll()"),
    ("selector", "import selectors\nselectors.DefaultSelector()", "select."),
    ("ctypes", "import ctypes\nctypes.CDLL(None)", "ctypes.dlopen("),
    ("mmap", "import mmap\nmmap.mmap(-1, 1)", "mmap.__new__("),
    ("sqlite", "import sqlite3\nsqlite3.connect('/tmp/a.db')", "sqlite3.connect("),
    ("syslog", "import syslog\nsyslog.syslog('a')", "syslog.syslog("),
    ("pipe", "import os\nos.pipe()", "os.pipe()"),
    ("fifo", "import os\nos.mkfifo(home / 'a')", "os.mkfifo()"),
    ("memory-file", "import os\nos.memfd_create('a')", "os.memfd_create()"),
    ("ioctl", "import fcntl\nfcntl.ioctl(0, 1)", "fcntl.ioctl()"),
    ("setuid", "import os\nos.setuid(0)", "os.setuid()"),
    ("session", "import os\nos.setsid()", "os.setsid()"),
    ("limit", "import resource\nresource.setrlimit(resource.RLIMIT_CORE, (0, 0))", "resource.setrlimit("),
    ("profiler", "import sys\nsys.setprofile(None)", "sys.setprofile()"),
    ("tracer", "import sys\nsys.settrace(None)", "sys.settrace()"),
    # Files, past the interposed names
    ("raw-file", "import io\nio.FileIO(home / 'a', 'w')", "open("),
    ("raw-file-of-host", "import io\nio.FileIO('/tmp/escaped', 'w')", "open('/tmp/escaped'"),
    ("raw-file-of-descriptor", "import io\nio.FileIO(1, 'w')", "open(1"),
    ("write-library", "import os\nopen(os.__file__, 'a')", "for writing, which is outside"),
    ("open-library", "import os\nos.open(os.__file__, os.O_RDWR)", "outside its home directory"),
    ("remove-library", "import os\nos.unlink(os.__file__)", "outside its home directory"),
    ("remove-own-source", "import os\nos.unlink(__file__)", "outside its home directory"),
    ("rename-into-library", "import os\nos.rename(home, os.__file__)", "outside its home directory"),
    (
        "link-that-climbs",
        "import os\nos.symlink('../' * 20 + 'bin/sh', home / 'a')\nopen(home / 'a')",
        "leads out of the simulated machine",
    ),
    (
        "folder-link-that-climbs",
        "import os\nos.symlink('../' * 20 + 'tmp', home / 'a')\nos.mkdir(home / 'a' / 'escaped')",
        "leads out of the simulated machine",
    ),
    # A real entry point that something keeps
    ("wrapped", "import os\nos._exit.__wrapped__(3)", "os._exit() through a reference"),
    (
        "real-one-where-another-was-called",
        "import os\nfor f in (list, dict, os.getpid.__wrapped__):\n    f() # here",
        "os.getpid() through a reference",
    ),
    # Without end
    ("loop", "while True: pass", "without making a call"),
    (
        "loop-that-swallows",
        "while True:\n    try:\n        while True: pass # here\n    except BaseException: pass",
        "without making a call",
    ),
    ("loop-of-what-is-no-call", "import os\nwhile os.getpid(): # here\n    pass", "without making a call"),
    (
        "loop-of-the-clock",
        "import time\nwhile time.time():\n    pass",
        "10000 calls in a row that are no step",
    ),
    ("loop-of-the-host", "import os\nwhile os.path.exists(os.__file__): # here\n    pass", "without making"),
    ("lock", "import threading\na = threading.Lock()\na.acquire()\na.acquire()", "without making a call"),
    ("simple-queue", "import queue\nqueue.SimpleQueue().get()", "without making a call"),
)

# Messages without a line: the kernel itself refuses the call, or the line cannot be determined.
WITHOUT_LINE = {"kill-everybody", "kill-own-group", "link-that-climbs", "folder-link-that-climbs"}
WITHOUT_LINE |= {"loop-of-the-clock"}

MODELLED = (
    # Ends
    ("exit-at-once", "import os\nos._exit(3)", "refused"),
    ("system-exit", "import sys\nsys.exit(3)", "refused"),
    ("abort", "import os\nos.abort()", "killed: SIGABRT"),
    ("kill-parent", "import os\nos.kill(os.getppid(), 9)", "PermissionError"),
    ("kill-init", "import os\nos.kill(1, 9)", "PermissionError"),
    ("kill-oneself", "import os\nos.kill(os.getpid(), 9)", "killed: SIGKILL"),
    ("raise-signal", "import signal\nsignal.raise_signal(9)", "killed: SIGKILL"),
    ("interrupt-oneself", "import _thread\n_thread.interrupt_main()", "refused"),
    ("psutil-kill", "import psutil\npsutil.Process(1).kill()", "AccessDenied"),
    ("endless-recursion", "def f(): f()\nf()", "RecursionError"),
    (
        "error-without-text",
        "class E(Exception):\n    def __str__(self): 1 / 0\nraise E",
        "E, whose text raises",
    ),
    # Early-bound names
    ("from-import", "from os import getpid, kill\nassert getpid() == 101\nkill(1, 9)", "PermissionError"),
    ("default-argument", "import os\ndef f(g=os.getpid): return g()\nassert f() == 101", "serves"),
    (
        "class-attribute",
        "import os, time\nclass C:\n    stat = os.stat\n    now = time.time\nC().stat(home)\nC().now()",
        "serves",
    ),
    ("posix", "import posix\nassert posix.getpid() == 101\nposix.unlink(home / 'a')", "FileNotFoundError"),
    ("partial", "import functools, os\nfunctools.partial(os.unlink, home / 'a')()", "FileNotFoundError"),
    ("map", "import os\nlist(map(os.unlink, [home / 'a']))", "FileNotFoundError"),
    ("dictionary", "import os\nos.close(os.__dict__['open'](home / 'a', os.O_CREAT))", "serves"),
    ("getattr", "import os\ngetattr(os, 'ki' + 'll')(1, 9)", "PermissionError"),
    ("reload", "import importlib, os\nimportlib.reload(os).kill(1, 9)", "PermissionError"),
    ("reload-clock", "import importlib, time\nassert importlib.reload(time).time() == 1.75e9", "serves"),
    ("exec", "exec('import os; os.kill(1, 9)')", "PermissionError"),
    ("builtins", "import builtins\nf = builtins.open\nf(home / 'a', 'w').close()", "serves"),
    ("code-file", "import io\nio.open_code(str(home / 'a'))", "FileNotFoundError"),
    ("open-of-c", "import _io\n_io.open(home / 'a', 'w').close()", "serves"),
    # The standard library
    (
        "pathlib",
        "p = home / 'a'\np.write_text('b')\np.touch()\np.rename(home / 'c').unlink()\n"
        "(home / 'd').mkdir()\nassert [*home.iterdir()] == [*home.glob('*')] == [*home.rglob('d')]",
        "serves",
    ),
    (
        "shutil",
        "import shutil\n(home / 'a').mkdir()\n(home / 'a' / 'b').write_text('c')\n"
        "shutil.copytree(home / 'a', home / 'd')\nshutil.move(home / 'd', home / 'e')\n"
        "shutil.copy2(home / 'a' / 'b', home / 'f')\nshutil.rmtree(home / 'a')",
        "serves",
    ),
    (
        "tempfile",
        "import tempfile\nwith tempfile.NamedTemporaryFile(dir=home) as f: f.write(b'a')\n"
        "with tempfile.TemporaryDirectory() as d: open(d + '/a', 'w').close()\ntempfile.mkstemp()",
        "serves",
    ),
    (
        "logging",
        "import logging\nlogging.basicConfig(filename=home / 'log', format='%(asctime)s %(message)s')\n"
        "logging.error('a')\nassert (home / 'log').read_text() == '2025-06-15 15:06:40,000 a\\n'",
        "serves",
    ),
    ("logging-traceback", "import logging\ntry: 1 / 0\nexcept Exception: logging.exception('a')", "serves"),
    (
        "json",
        "import json\njson.dump({}, open(home / 'a', 'w'))\nassert json.load(open(home / 'a')) == {}",
        "serves",
    ),
    ("glob", "import glob\nopen(home / 'a', 'w').close()\nassert glob.glob(f'{home}/*')", "serves"),
    (
        "zipfile",
        "import zipfile\nwith zipfile.ZipFile(home / 'a', 'w') as z: z.writestr('b', 'c')\n"
        "assert zipfile.ZipFile(home / 'a').read('b') == b'c'",
        "serves",
    ),
    ("linecache", "import inspect\nassert 'assert' in inspect.getsource(gateway)", "serves"),
    ("queue", "import queue\ntry: queue.Queue().get(timeout=3)\nexcept queue.Empty: pass", "serves"),
    ("queue-for-ever", "import queue\nqueue.Queue().get()", "waits"),
    ("semaphore-for-ever", "import threading\nthreading.Semaphore(0).acquire()", "waits"),
    ("scheduler", "import sched\ns = sched.scheduler()\ns.enter(5, 1, print)\ns.run()", "serves"),
    ("event", "import threading\nthreading.Event().wait(5)", "serves"),
    ("long-sleep", "import time\ntime.sleep(10_000)", "serves"),
    (
        "fault-handler",
        "import faulthandler\nfaulthandler.enable()\nfaulthandler.dump_traceback_later(9)",
        "serves",
    ),
    ("selectors-of-files", "import os\nassert os.stat in os.supports_dir_fd", "serves"),
    (
        "user",
        "import getpass, os\nassert getpass.getuser() == 'user' == os.path.basename(os.path.expanduser('~'))",
        "serves",
    ),
    # What is the same in every run, although it is random or of this machine
    (
        "identifiers",
        "import uuid\nassert str(uuid.uuid1()).endswith('-0242ac110002')\nuuid.uuid4()",
        "serves",
    ),
    ("thread-id", "import os, threading\nassert threading.get_native_id() == os.getpid()", "serves"),
    (
        "date",
        "import copy, datetime, email.utils, pickle\nnow = datetime.datetime.now(datetime.UTC)\n"
        "assert str(now) == '2025-06-15 15:06:40+00:00' and pickle.loads(pickle.dumps(now)) == now\n"
        "then = email.utils.parsedate_to_datetime('Mon, 16 Nov 2009 13:32:02')\n"
        "assert isinstance(then, datetime.datetime)",
        "serves",
    ),
    ("collector", "import gc\ngc.disable()\nassert gc.isenabled()", "serves"),
    # Standard streams
    ("standard-input", "import sys\nassert sys.stdin.read() == '' == sys.stdin.readline()", "serves"),
    ("input", "input()", "EOFError"),
    (
        "own-output",
        "import sys\nsys.stdout = open(home / 'a', 'w')\nprint('b', flush=True)\n"
        "(home / 'c').touch()\nprint('d', flush=True)\nassert (home / 'a').read_text() == 'b\\nd\\n'",
        "serves",
    ),
    # Swallows everything, and makes calls
    ("swallows", "import os\nwhile True:\n    try: os.stat(home)\n    except BaseException: pass", "waits"),
)


@pytest.mark.parametrize(("name", "code", "said"), STOPPED, ids=[row[0] for row in STOPPED])
def test_what_is_not_modelled_is_stopped_in_words(
    request: pytest.FixtureRequest, stage: Stage, escapes: list[str], name: str, code: str, said: str
) -> None:
    if said.startswith("without making"):
        request.getfixturevalue("impatient")
    with pytest.raises(UnmodelledSyscall) as stopped:
        stage.run(code)
    text = str(stopped.value)
    assert text.startswith("the subject ")
    assert said in text
    assert "\n" not in text
    lines = code.splitlines()
    number = next((n for n, line in enumerate(lines, 3) if line.endswith("# here")), len(lines) + 2)
    assert (f"(subject.py, line {number})" in text) == (name not in WITHOUT_LINE)
    assert escapes == []


@pytest.mark.parametrize(("code", "comes"), [row[1:] for row in MODELLED], ids=[row[0] for row in MODELLED])
def test_what_is_modelled_stays_in_the_kernel(
    stage: Stage, escapes: list[str], code: str, comes: str
) -> None:
    assert comes in stage.run(code).text
    assert escapes == []


def test_advice_names_what_can_be_done(stage: Stage) -> None:
    with pytest.raises(UnmodelledSyscall) as stopped:
        stage.run("import subprocess\nsubprocess.run(['ps'])")
    assert str(stopped.value) == (
        "the subject called subprocess.Popen(), which is not modelled (subject.py, line 4): a simulated "
        "process starts no others; leave it out of the code under test, or stub it in a wrapper module"
    )


def test_process_that_was_stopped_never_goes_on(stage: Stage, victim: Path, escapes: list[str]) -> None:
    """Not even where somebody makes another move after the error."""
    subject = stage.write(f"import io, os\nos.stat(home)\nio.FileIO({str(victim)!r}, 'w').write(b'a')")
    with stage.begin(subject) as execution:
        for _ in range(2):
            with pytest.raises(UnmodelledSyscall):
                execution.make(Move(STEP, "A"))
    assert escapes == []
