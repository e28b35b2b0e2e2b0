"""The vocabulary of the drawn protocols: for each modelled call the Python statements that make it.

A call without an entry fails a test, so that a new one is refereed from its first day.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Line(NamedTuple):
    """A statement that makes a call, and conditions on what it was answered.

    ``{p}`` and ``{q}`` stand for two paths; ``fd``, ``pid``, ``folder`` and ``seen`` are variables.
    """

    text: str
    tests: tuple[str, ...] = ()


def _lines(*texts: str, tests: tuple[str, ...] = ()) -> tuple[Line, ...]:
    return tuple(Line(text, tests) for text in texts)


PATHS: Final = {
    "pid": 'home / "gateway.pid"',
    "lock": 'home / "lock"',
    "slot": 'home / "slot"',
    "mine": "home / str(os.getpid())",
    "where": 'home / "where"',
    "inside": 'home / "slot" / "x"',
    "tmp": '"/tmp/shared"',
    "own": "folder",
    "marked": 'os.path.join(folder, "x")',
    "home": "home",
}
COMMON: Final = (
    "pid",
    "pid",
    "pid",
    "lock",
    "lock",
    "slot",
    "slot",
    "inside",
    "tmp",
    "own",
    "marked",
    "home",
)

VOCABULARY: Final[dict[str, tuple[Line, ...]]] = {
    "open": _lines(
        "fd = os.open({p}, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)",
        "fd = os.open({p}, os.O_CREAT | os.O_RDWR, 0o600)",
        "fd = os.open({p}, os.O_RDWR)",
        "fd = os.open({p}, os.O_RDONLY)",
        "fd = os.open({p}, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)",
        "fd = os.open({p}, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)",
    ),
    "close": _lines("os.close(fd)"),
    "dup": _lines("os.dup(fd)", "fd = os.dup(fd)"),
    "read": (
        Line(
            "pid = number_in(os.read(fd, 50))", ("pid == 4000000", "pid == os.getpid()", "pid != os.getpid()")
        ),
        Line("seen = os.read(fd, 50)", ("not seen", "seen")),
        Line("folder = os.fsdecode(os.read(fd, 50)) or folder"),
    ),
    "pread": (
        Line("pid = number_in(os.pread(fd, 50, 0))", ("pid == 4000000", "pid != 4000000")),
        Line("seen = os.pread(fd, 1, 3)", ("not seen", "seen")),
    ),
    "write": _lines(
        "os.write(fd, str(os.getpid()).encode())",
        "os.write(fd, os.fsencode(folder))",
        'os.write(fd, b"x")',
    ),
    "pwrite": _lines("os.pwrite(fd, str(os.getpid()).encode(), 0)", 'os.pwrite(fd, b"x", 3)'),
    "sendfile": (
        Line("seen = os.sendfile(fd, os.open({p}, os.O_RDONLY), 0, 100)", ("seen == 0", "seen > 1", "seen")),
        Line("seen = os.sendfile(fd, os.open({p}, os.O_RDONLY), None, 4)", ("seen < 4",)),
        Line("os.sendfile(fd, 3, 0, 100)"),
    ),
    "copy_file_range": (
        Line(
            "seen = os.copy_file_range(fd, os.open({p}, os.O_WRONLY), 100, 0)",
            ("seen == 0", "seen > 1", "seen"),
        ),
        Line("seen = os.copy_file_range(fd, os.open({p}, os.O_WRONLY), 4, None, 2)", ("seen < 4",)),
    ),
    "lseek": (Line("seen = os.lseek(fd, 0, os.SEEK_END)", ("seen == 0", "seen")), Line("os.lseek(fd, 0, 0)")),
    "ftruncate": _lines("os.ftruncate(fd, 0)", "os.ftruncate(fd, 4)"),
    "truncate": _lines("os.truncate({p}, 0)"),
    "fsync": _lines("os.fsync(fd)"),
    "fdatasync": _lines("os.fdatasync(fd)"),
    "fdkind": (
        Line("seen = open({p}).read()", ("not seen", "seen")),
        Line("""seen = re.findall("btime [0-9]+", open("/proc/stat").read())""", ("seen", "not seen")),
        Line('seen = open("/proc/self/cmdline").read()', ("not seen",)),
        Line("""seen = re.findall("btime [0-9]+", open("/proc/stat").read()) == seen""", ("not seen",)),
    ),
    "fdpath": (
        Line("seen = os.listdir(fd)", ("'slot' in seen",)),
        Line("os.get_inheritable(fd)"),
    ),
    "getfl": (Line("seen = fcntl.fcntl(fd, fcntl.F_GETFL)", ("seen & os.O_RDWR",)),),
    "fstat": (
        Line("seen = os.fstat(fd)", ("seen.st_size == 0", "seen.st_nlink == 0", "seen.st_nlink > 1")),
        Line("seen = os.fstat(fd).st_ino == os.stat({p}).st_ino", ("not seen",)),
        Line("seen = os.fstat(fd).st_mode & 0o777", ("seen == 0o400",)),
    ),
    "stat": (
        Line("seen = os.stat({p})", ("seen.st_size == 0", "seen.st_nlink > 1", "seen.st_mtime == 0")),
        Line(
            "seen = os.lstat({p}).st_mode", ("stat.S_ISDIR(seen)", "stat.S_ISLNK(seen)", "seen & 0o200 == 0")
        ),
        Line("seen = os.path.exists({p})", ("seen", "not seen")),
        Line("seen = os.path.getmtime({p}) > os.path.getmtime({q})", ("seen",)),
    ),
    "access": (
        Line("seen = os.access({p}, os.F_OK)", ("seen", "not seen")),
        Line("seen = os.access({p}, os.W_OK)", ("seen", "not seen")),
    ),
    "readlink": (
        Line("pid = number_in(os.fsencode(os.readlink({p})))", ("pid == 4000000", "pid != os.getpid()")),
        Line("seen = os.readlink({p})", ('seen == "lock"',)),
    ),
    "listdir": (Line("seen = os.listdir({p})", ("seen", '"slot" in seen', '"x" in seen', "len(seen) > 1")),),
    "scandir": (
        Line(
            "seen = {{entry.name: entry.is_dir(follow_symlinks=False) for entry in os.scandir({p})}}",
            ('seen.get("slot")', '"lock" in seen', "any(seen.values())"),
        ),
        Line("seen = [entry.is_symlink() for entry in os.scandir({p})]", ("any(seen)",)),
    ),
    "unlink": _lines("os.unlink({p})"),
    "rmdir": _lines("os.rmdir({p})"),
    "rename": _lines("os.rename({p}, {q})", "os.replace({p}, {q})", "os.mkdir({q}); os.rename({q}, {p})"),
    "link": _lines("os.link({p}, {q})"),
    "symlink": _lines(
        "os.symlink(str(os.getpid()), {p})",
        'os.symlink("lock", {p})',
        'os.symlink("slot", {p})',
        "os.symlink({q}, {p})",
    ),
    "mkdir": _lines("os.mkdir({p})", "folder = tempfile.mkdtemp()", "os.mkdir({p}, 0o500)"),
    "chmod": _lines("os.chmod({p}, 0o400)", "os.chmod({p}, 0o700)", "os.chmod({p}, 0o000)"),
    "fchmod": _lines("os.fchmod(fd, 0o400)", "os.fchmod(fd, 0o600)"),
    "utime": _lines("os.utime({p}, (0, 0))", "os.utime({p})", "os.utime(fd, (0, 0))"),
    "umask": _lines("os.umask(0o777)", "os.umask(0o22)"),
    "chdir": _lines("os.chdir({p})"),
    "flock": _lines(
        "fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "fcntl.flock(fd, fcntl.LOCK_EX)",
        "fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)",
        "fcntl.flock(fd, fcntl.LOCK_UN)",
    ),
    "lockf": _lines(
        "fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "fcntl.lockf(fd, fcntl.LOCK_EX)",
        "fcntl.lockf(fd, fcntl.LOCK_UN)",
    ),
    "kill": _lines("os.kill(pid, 0)", "os.kill(pid, 0)", "os.kill(pid, signal.SIGTERM)"),
    "pidfd_open": _lines("pidfd = os.pidfd_open(pid)"),
    "pidfd_send_signal": _lines(
        "signal.pidfd_send_signal(os.pidfd_open(os.getpid()), 0)",
        "signal.pidfd_send_signal(os.pidfd_open(pid), 0)",
        "signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGTERM)",
    ),
    "select": (
        Line("seen = select.select([os.pidfd_open(pid)], [], [], 0.01)[0]", ("seen", "not seen")),
        Line("select.select([], [], [], 0.01)"),
    ),
    "pid_exists": (Line("seen = psutil.pid_exists(pid)", ("seen", "not seen")),),
    "pids": (Line("seen = pid in psutil.pids()", ("seen", "not seen")),),
    "inspect": (
        Line("seen = psutil.Process(pid).status()", ('seen == "sleeping"',)),
        Line("seen = psutil.Process(pid).cmdline()", ("seen",)),
    ),
    "sleep": _lines("time.sleep(0.1)"),
    "clock": (Line("seen = time.monotonic()", ("int(seen * 10) % 2",)),),
    "wall": (Line("seen = time.time()", ("int(seen * 10) % 2",)),),
    "sigaction": _lines(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))",
        "signal.signal(signal.SIGTERM, fail)",
        "signal.signal(signal.SIGTERM, lambda *_: os.unlink({p}))",
        "signal.signal(signal.SIGTERM, lambda *_: os.mkdir({p}))",
    ),
    "chown": _lines("os.chown({p}, os.getuid(), -1)", "os.chown({p}, 0, 0)", "os.lchown({p}, -1, -1)"),
    "fchown": _lines("os.fchown(fd, -1, os.getgid())", "os.fchown(fd, 0, -1)"),
    "pause": _lines("signal.pause()"),
    "exit": _lines("os._exit(0)", "sys.exit(1)"),
    "serve": _lines("serve()"),
}
RARE: Final = ("pause", "exit", "serve")
CLAIMS: Final = (
    *(("open", 0), ("open", 0), ("mkdir", 0), ("mkdir", 1), ("symlink", 0), ("symlink", 1)),
    *(("link", 0), ("rename", 0)),
)
CHECKS: Final = (
    *(("stat", n) for n in (0, 0, 1, 1, 2, 3)),
    *(("read", 0), ("read", 1), ("read", 2), ("pread", 0), ("fdkind", 0), ("readlink", 0)),
    *(
        ("listdir", 0),
        ("scandir", 0),
        ("scandir", 0),
        ("access", 0),
        ("access", 1),
        ("fstat", 0),
        ("fstat", 1),
    ),
    *(("kill", 0), ("pid_exists", 0), ("sendfile", 0), ("copy_file_range", 0)),
    *(("pidfd_send_signal", 0), ("select", 1)),
)
CHANGES: Final = (
    *(("write", 0), ("write", 0), ("write", 1), ("ftruncate", 0), ("truncate", 0), ("sendfile", 0)),
    *(("copy_file_range", 0), ("copy_file_range", 1)),
    *(("chmod", 0), ("chmod", 2), ("utime", 0), ("open", 4), ("open", 1), ("mkdir", 1), ("rename", 0)),
)
RELEASES: Final = (("unlink", 0), ("unlink", 0), ("rmdir", 0), ("ftruncate", 0), ("close", 0), ("rename", 0))
# Each call as often as any other.
ANY: Final = tuple(
    (call, number % len(lines))
    for call, lines in VOCABULARY.items()
    if call not in RARE
    for number in range(6)
)
SELDOM: Final = tuple((call, 0) for call in RARE)
ERRORS: Final = ("OSError", "FileExistsError", "FileNotFoundError", "BlockingIOError")
ERROR_OF_CLAIM: Final = {
    **dict.fromkeys(("mkdir", "symlink", "link"), "FileExistsError"),
    **dict.fromkeys(("flock", "lockf"), "BlockingIOError"),
}

# How a process tells others that it has taken "slot": what must be there first, a look (its call, line and
# condition), and the sign. The look and then the sign are a race.
SIGNS: Final = (
    ((), ("stat", 2, 0), ("open", 1)),
    ((), ("access", 0, 0), ("open", 1)),
    ((), ("listdir", 0, 1), ("open", 1)),
    ((), ("listdir", 0, 1), ("symlink", 1)),
    ((), ("scandir", 0, 0), ("mkdir", 0)),
    ((("open", 1),), ("scandir", 0, 0), ("rename", 2)),
    ((), ("stat", 1, 0), ("mkdir", 0)),
    ((), ("stat", 1, 1), ("symlink", 1)),
    ((), ("scandir", 1, 0), ("symlink", 0)),
    ((), ("readlink", 1, 0), ("symlink", 1)),
    ((("open", 1),), ("stat", 1, 2), ("chmod", 0)),
    ((("open", 1),), ("fstat", 2, 0), ("fchmod", 0)),
    ((("open", 1),), ("access", 1, 1), ("fchmod", 0)),
    ((("open", 1),), ("stat", 0, 2), ("utime", 0)),
    ((("open", 1),), ("stat", 0, 2), ("utime", 2)),
    ((("open", 1),), ("stat", 0, 1), ("link", 0)),
    ((("open", 1),), ("fstat", 0, 2), ("link", 0)),
    ((("open", 1),), ("fstat", 0, 1), ("unlink", 0)),
    ((("open", 1),), ("fstat", 1, 0), ("unlink", 0)),
    ((("open", 1),), ("read", 1, 1), ("write", 2)),
    ((("open", 1),), ("pread", 0, 1), ("write", 0)),
    ((("open", 1),), ("pread", 1, 1), ("pwrite", 1)),
    ((("open", 1),), ("fdkind", 0, 1), ("write", 2)),
    ((("open", 1),), ("lseek", 0, 1), ("write", 2)),
    ((("open", 1), ("write", 2)), ("stat", 0, 0), ("truncate", 0)),
    ((("open", 1), ("write", 2)), ("fstat", 0, 0), ("ftruncate", 0)),
    ((("open", 1),), ("sendfile", 0, 2), ("write", 2)),
    ((("open", 1),), ("stat", 2, 1), ("unlink", 0)),
    ((("open", 1),), ("access", 0, 1), ("rename", 0)),
    ((("mkdir", 0),), ("stat", 2, 1), ("rmdir", 0)),
)
OF_HOME: Final = ("listdir", "scandir")
