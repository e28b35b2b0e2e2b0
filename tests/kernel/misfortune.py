"""Calls on a failing disk and their answers, made by a real process and by a simulated one."""

import errno
import os
import resource
import select
import signal
import subprocess
import sys
from pathlib import Path

CALLS = {
    "write something": lambda home: written(home, lambda fd, source: os.write(fd, b"x")),
    "write nothing": lambda home: written(home, lambda fd, source: os.write(fd, b"")),
    "write to no file": lambda home: os.write(99, b"x"),
    "write for reading": lambda home: written(home, lambda fd, source: os.write(source, b"x")),
    **{
        f"{name} {what}": lambda home, copy=copy, size=size, flags=flags: written(
            home, lambda fd, source: copy(fd, source, size), flags
        )
        for name, copy in (
            ("copy_file_range", lambda fd, source, size: os.copy_file_range(source, fd, size)),
            ("sendfile", lambda fd, source, size: os.sendfile(fd, source, None, size)),
        )
        for what, size, flags in (("", 9, 0), ("of nothing", 0, 0), ("to a log", 9, os.O_APPEND))
    },
    "read": lambda home: (home / "there").read_bytes(),
    "stat": lambda home: (home / "there").stat().st_size,
    "list": lambda home: sorted(os.listdir(home / "folder")),
    "open for reading": lambda home: os.close(os.open(home / "there", os.O_RDONLY)),
    "open for writing": lambda home: os.close(os.open(home / "there", os.O_RDWR)),
    "create": lambda home: os.close(os.open(home / "new", os.O_CREAT | os.O_WRONLY)),
    "create what is there": lambda home: os.close(os.open(home / "there", os.O_CREAT | os.O_RDONLY)),
    "create exclusively": lambda home: os.close(os.open(home / "new", os.O_CREAT | os.O_EXCL)),
    "create exclusively what is there": lambda home: os.close(
        os.open(home / "there", os.O_CREAT | os.O_EXCL)
    ),
    "create without a name": lambda home: os.close(os.open(home / "folder", os.O_TMPFILE | os.O_RDWR)),
    "truncate": lambda home: os.close(os.open(home / "there", os.O_WRONLY | os.O_TRUNC)),
    "mkdir": lambda home: os.mkdir(home / "new"),
    "mkdir what is there": lambda home: os.mkdir(home / "folder"),
    "symlink": lambda home: os.symlink("there", home / "new"),
    "symlink what is there": lambda home: os.symlink("there", home / "folder"),
    "link": lambda home: os.link(home / "there", home / "new"),
    "link what is there": lambda home: os.link(home / "there", home / "folder"),
    "link what is not there": lambda home: os.link(home / "missing", home / "new"),
    "rename onto": lambda home: os.rename(home / "other", home / "there"),
    "rename what is not there": lambda home: os.rename(home / "missing", home / "new"),
    "chmod": lambda home: os.chmod(home / "there", 0o600),
    "chown": lambda home: os.chown(home / "there", -1, -1),
    "utime": lambda home: os.utime(home / "there"),
    "unlink what is not there": lambda home: os.unlink(home / "missing"),
    "unlink": lambda home: os.unlink(home / "there"),
    "rmdir": lambda home: os.rmdir(home / "folder"),
}


def written(home, write, flags=0):
    """What is answered to who writes to a file, and has another one open."""
    fd, source = os.open(home / "target", os.O_WRONLY | flags), os.open(home / "source", os.O_RDONLY)
    try:
        return write(fd, source)
    finally:
        os.close(fd)
        os.close(source)


def prepare(home):
    (home / "there").write_bytes(b"content")
    (home / "other").write_bytes(b"")
    (home / "target").write_bytes(b"")
    (home / "source").write_bytes(b"content")
    (home / "folder").mkdir()


def answers(home):
    """What each call answers, in words."""
    found = []
    for name, call in CALLS.items():
        try:
            found.append(f"{name}: {call(home)}")
        except OSError as error:
            found.append(f"{name}: {errno.errorcode[error.errno]}")
    return found


# -- as a subject ---------------------------------------------------------------------------------------


def gateway(home, serve):
    if not (home / "there").exists():
        prepare(home)
        (home / "ballast-0").touch()
    else:
        raise RuntimeError(" | ".join([*answers(home), appended(home)]))


def asked_about(pid, pidfd):
    """What is answered about a process that has ended and whose pid belongs to another one now."""
    found = []
    for name, call in (
        ("kill", lambda: os.kill(pid, 0)),
        ("pidfd", lambda: signal.pidfd_send_signal(pidfd, 0)),
        ("ended", lambda: select.select([pidfd], [], [], 0)[0] == [pidfd]),
    ):
        try:
            found.append(f"{name}: {call()}")
        except OSError as error:
            found.append(f"{name}: {errno.errorcode[error.errno]}")
    return found


def watcher(home, serve):
    """The first process serves; the second one watches it."""
    if os.getpid() == 101:
        serve()
    pidfd = os.pidfd_open(101)
    raise RuntimeError(" | ".join(asked_about(101, pidfd)))


# -- on the host, in a mount or pid namespace of its own ---------------------------------------------------


def mount(home, *options):
    subprocess.run(["mount", *options, str(home)], check=True, capture_output=True)


def full(home):
    mount(home, "-t", "tmpfs", "-o", "size=16k,nr_inodes=16", "none")
    prepare(home)
    for number in range(16):
        try:
            (home / f"ballast-{number}").touch()
        except OSError:
            break
    with (home / "ballast-0").open("wb", buffering=0) as ballast:
        try:
            while ballast.write(bytes(1024)):
                pass
        except OSError:
            return


def read_only(home):
    mount(home, "-t", "tmpfs", "none")
    prepare(home)
    mount(home, "-o", "remount,ro")


def appended(home):
    """What a write answers that needs more than there is."""
    try:
        with (home / "ballast-0").open("ab", buffering=0) as ballast:
            while ballast.write(bytes(1024)):
                pass
    except OSError as error:
        return f"append: {errno.errorcode[error.errno]}"


def recycled(home):
    """Give the pid of a child that has ended to another one."""
    pid = os.fork()
    if not pid:
        signal.pause()
    pidfd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
    another = os.fork()
    if not another:
        signal.pause()
    assert another == pid
    return "\n".join(asked_about(pid, pidfd))


def short(home):
    resource.setrlimit(resource.RLIMIT_FSIZE, (6, 6))
    with (home / "short").open("wb", buffering=0) as file:
        return file.write(b"eight by")


def no_descriptors(home):
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    try:
        os.open(home, os.O_RDONLY)
    except OSError as error:
        return errno.errorcode[error.errno]


if __name__ == "__main__":
    where = Path(sys.argv[2])
    if sys.argv[1] == "full":
        full(where)
        print("\n".join([*answers(where), appended(where)]))
    elif sys.argv[1] == "read_only":
        read_only(where)
        print("\n".join(answers(where)))
    else:
        print({"short": short, "no_descriptors": no_descriptors, "recycled": recycled}[sys.argv[1]](where))
