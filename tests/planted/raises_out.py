"""Odd but right: the handler of SIGTERM raises an exception at any step, and a replace waits for the lock."""

import contextlib
import fcntl
import os
import signal


class Quit(BaseException):
    pass


def quit_now(number, frame):
    signal.signal(number, signal.SIG_IGN)
    raise Quit


def publish(fd, record):
    if os.pwrite(fd, record, 0) < len(record):
        os.ftruncate(fd, 0)
        publish(fd, record)


def gateway(home, serve, *, replace=False):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    if replace:
        stop(home)
        fcntl.flock(fd, fcntl.LOCK_EX)
    else:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
    try:
        signal.signal(signal.SIGTERM, quit_now)
        os.ftruncate(fd, 0)
        publish(fd, b"%d" % os.getpid())
        serve()
    except Quit:
        os.ftruncate(fd, 0)


def running_pid(home, *, clean_up=True):
    try:
        return int((home / "lock").read_text())
    except (FileNotFoundError, ValueError):
        return None


def stop(home):
    pid = running_pid(home)
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    return pid
