"""a_live_owner_is_discoverable: owns by a lock, and its query reads a record that it never writes."""

import fcntl
import os


def gateway(home, serve):
    fd = os.open(home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    serve()


def running_pid(home):
    try:
        return int((home / "record").read_text())
    except FileNotFoundError:
        return None
