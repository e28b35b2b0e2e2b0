"""The face of the reference: claim a home, release it, ask who runs there; a drop-in ``status.py``.

Ownership is the lifetime lock; the record is a message that says whose it is. A start calls
``get_running_pid``, ``acquire_gateway_runtime_lock`` and ``write_pid_file``, and gives up at the
first that answers with a pid, False or FileExistsError. An exit calls ``remove_pid_file`` and then
``release_gateway_runtime_lock``. A process that becomes a daemon claims after its last fork.

Promised, whatever stands in the files and wherever a process is killed:

- At most one owner; and a home whose owner is gone can be claimed by the next start.
- Of starts that run at the same time one goes on, whatever queries run beside them.
- A query changes nothing while an owner lives, and nothing ever with ``cleanup_stale=False``.
- Functions raise only ``documented_errors``.

Not promised: anything against an older version of this module, which takes no guard, or against an
operator who deletes both lock files during a claim. ``owns_gateway`` tells the owner what it lost.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway_status import identity, locks
from gateway_status import record as records
from gateway_status.errors import GatewayStatusError as GatewayStatusError
from gateway_status.errors import documented
from gateway_status.errors import documented_errors as documented_errors
from gateway_status.identity import Verdict
from gateway_status.record import Record

PID_FILE = "gateway.pid"

_held: locks.Held | None = None
_written: Record | None = None  # The record that this process wrote and has not removed.

# Test suites substitute these by name, so everything below looks them up here.
_IS_WINDOWS = sys.platform == "win32"
_get_process_start_time = identity.start_time
_read_process_cmdline = identity.cmdline
_read_json_file = records.read_json
_write_json_file = records.publish_json


def _get_pid_path() -> Path:
    return Path(os.environ.get("HERMES_HOME") or os.path.expanduser("~/.hermes")) / PID_FILE


@documented
def get_running_pid(
    pid_path: str | os.PathLike[str] | None = None, *, cleanup_stale: bool = True
) -> int | None:
    """The pid of the live gateway that the record names, or None.

    A stale record is removed when ``cleanup_stale`` is set and nobody holds the lifetime lock.
    """
    path = Path(pid_path) if pid_path is not None else _get_pid_path()
    payload = _read_json_file(path)
    if payload is None:
        return None
    verdict, pid = _judge(payload)
    if verdict is Verdict.LIVE:
        return pid
    if verdict is Verdict.UNSURE:
        return _settle(path, verdict, clean_up=cleanup_stale)
    if cleanup_stale:
        # Cleaning up is a favour: who cannot do it still knows that the record is stale.
        with contextlib.suppress(OSError):
            return _settle(path, verdict, clean_up=True)
    return None


def _settle(path: Path, verdict: Verdict, *, clean_up: bool) -> int | None:
    """Look again under the guard, where the lifetime lock tells whether anybody owns.

    A stale record is left to whoever is behind the guard already. Without clean-up the guard is
    not created: where there is none, no gateway of this version has claimed the home.
    """
    home = str(path.parent)
    wait = verdict is Verdict.UNSURE
    with locks.guard(home, create=clean_up, wait=wait) as entered:
        if not entered:
            return None
        with locks.free_lifetime(os.path.join(home, locks.LOCK_FILE)) as free:
            if not free and verdict is Verdict.STALE:
                return None
            # The whole life of another gateway may lie between the first look and the guard.
            payload = _read_json_file(path)
            if payload is None:
                return None
            verdict, pid = _judge(payload)
            if verdict is Verdict.LIVE or (verdict is Verdict.UNSURE and not free):
                return pid
            if free and clean_up:
                records.discard(path)
    return None


def _judge(payload: Mapping[str, Any]) -> tuple[Verdict, int | None]:
    record = records.parse(payload)
    verdict = identity.judge(
        record,
        start_time_of=_get_process_start_time,
        cmdline_of=_read_process_cmdline,
        windows=_IS_WINDOWS,
    )
    return verdict, record.pid if record is not None else None


def is_gateway_running(pid_path: str | os.PathLike[str] | None = None, *, cleanup_stale: bool = True) -> bool:
    """Whether ``get_running_pid`` names a gateway."""
    return get_running_pid(pid_path, cleanup_stale=cleanup_stale) is not None


@documented
def acquire_gateway_runtime_lock() -> bool:
    """Take the lifetime lock for as long as this process lives; whether it has it.

    Raises GatewayStatusError where that cannot be told, as with a lock file of another user.
    """
    global _held
    if _holds_lock():
        return True
    if _held is not None:
        # A parent took it before it forked us. Our copy of its descriptor would outlive it.
        inherited, _held = _held.fd, None
        os.close(inherited)
    _held = locks.acquire(str(_get_pid_path().parent))
    return _held is not None


def _holds_lock() -> bool:
    return _held is not None and _held.holder == os.getpid()


@documented
def release_gateway_runtime_lock() -> None:
    """Give the lifetime lock back, if this process took it."""
    global _held
    if _held is not None and _holds_lock():
        fd, _held = _held.fd, None
        os.close(fd)


@documented
def is_gateway_runtime_lock_active(lock_path: str | os.PathLike[str] | None = None) -> bool:
    """Whether a process, this one included, holds the lifetime lock."""
    path = Path(lock_path) if lock_path is not None else _get_pid_path().with_name(locks.LOCK_FILE)
    if not os.path.lexists(path):
        return False
    # Taking the lock without the guard could cost a starter its only try.
    with (
        locks.guard(str(path.parent), create=True, wait=True),
        locks.free_lifetime(str(path)) as free,
    ):
        return not free


@documented
def write_pid_file() -> None:
    """Publish the record of this process.

    Raises FileExistsError, and leaves everything as it is, where a record stands that is not
    provably stale (this process's own included), or another process holds the lifetime lock.
    """
    global _written
    path = _get_pid_path()
    home = str(path.parent)
    pid = os.getpid()
    record = Record(pid, _get_process_start_time(pid), identity.boot_id())
    with (
        locks.guard(home, create=True, wait=True),
        contextlib.nullcontext(True)
        if _holds_lock()
        else locks.free_lifetime(os.path.join(home, locks.LOCK_FILE)) as free,
    ):
        if not free:
            raise FileExistsError(errno.EEXIST, "another gateway starts or runs", str(path))
        payload = _read_json_file(path)
        if payload is not None:
            # Nobody else holds the lifetime lock, so a record of which nothing is known is no
            # live gateway's, unless it is our own.
            verdict, recorded = _judge(payload)
            if verdict is Verdict.LIVE or (verdict is Verdict.UNSURE and _is_mine(payload)):
                text = f"the gateway runs already, with pid {recorded}"
                raise FileExistsError(errno.EEXIST, text, str(path))
        _write_json_file(path, records.describe(record, sys.argv))
        _written = record


@documented
def remove_pid_file() -> None:
    """Remove the record of this process; leave any other as it is."""
    global _written
    path = _get_pid_path()
    payload = _read_json_file(path)
    if payload is None or not _is_mine(payload):
        return
    if _holds_lock():
        # Nobody else may change the record, so the exit of an owner waits for nobody either.
        records.discard(path)
        _written = None
        return
    with locks.guard(str(path.parent), create=False, wait=True):
        # Without the lifetime lock, and where no start time tells that we live, another gateway
        # may have taken the record for stale and put its own in the place of it.
        payload = _read_json_file(path)
        if payload is not None and _is_mine(payload):
            records.discard(path)
            _written = None


def _is_mine(payload: Mapping[str, Any]) -> bool:
    """Whether a record is provably this process's: our pid is also in another container's."""
    record = records.parse(payload)
    if record is None or record.pid != os.getpid():
        return False
    if record == _written:
        return True
    if record.start_time is None or record.start_time != _get_process_start_time(record.pid):
        return False
    return record.boot_id is None or record.boot_id == identity.boot_id()


@documented
def get_process_start_time(pid: int) -> int | None:
    """When a process started, as its record says it; None where it is gone or cannot be told."""
    return _get_process_start_time(pid)


@documented
def owns_gateway() -> bool:
    """Whether this process is still the owner: the paths name its lock and its record.

    Five calls, cheap enough for a timer. An owner that is told no should stop.
    """
    if _held is None or not _holds_lock():
        return False
    try:
        if not locks.is_named(_held.fd, _held.path):
            return False
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
        return False  # Something closed the descriptor, and the lock went with it.
    payload = _read_json_file(_get_pid_path())
    return payload is not None and _is_mine(payload)
