"""The reference's status module alone: claim a home, release it, ask who runs there; a drop-in ``status.py``.

Ownership is the lifetime lock; the record is a message that says whose it is. ``gateway.run_gateway``
does all of a start, a replace and an exit. Whoever keeps a sequence of their own calls, to start,
``get_running_pid``, ``acquire_gateway_runtime_lock`` and ``write_pid_file``, and gives up at the first
that answers with a pid, False or FileExistsError; and to exit ``remove_pid_file`` and then
``release_gateway_runtime_lock``.

Promised, whatever stands in the files and wherever a process is killed:

- At most one owner; and a home whose owner is gone can be claimed by the next start.
- Of starts that run at the same time one goes on, whatever queries run beside them.
- A query changes nothing while an owner lives, and nothing ever with ``cleanup_stale=False``.
- Functions raise only ``documented_errors``; ``terminate_pid`` also what ``os.kill`` raises.

Not promised: anything against an older version that claims without the lifetime lock or unlinks it, or
against an operator who deletes both lock files during a claim. ``owns_gateway`` tells the owner what it
lost. What an older version that has the lock claims is never taken from it.
"""

from __future__ import annotations

import os
import subprocess as subprocess  # substituted by test suites, as the names below
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway_status import identity, locks, markers, runtime, scoped, storm, terminate
from gateway_status import record as records
from gateway_status.claim import Claim
from gateway_status.errors import GatewayStatusError as GatewayStatusError
from gateway_status.errors import documented
from gateway_status.errors import documented_errors as documented_errors
from gateway_status.runtime import UNSET
from gateway_status.storm import StormInfo as StormInfo

PID_FILE = "gateway.pid"
Path_ = str | os.PathLike[str]

# Test suites substitute these by name, so everything looks them up here, by way of ``host``.
_IS_WINDOWS = sys.platform == "win32"
_get_process_start_time = identity.start_time
_read_process_cmdline = identity.cmdline
_read_json_file = records.read_json
_write_json_file = records.publish_json


def _get_pid_path() -> Path:
    return Path(os.environ.get("HERMES_HOME") or os.path.expanduser("~/.hermes")) / PID_FILE


def _get_lock_dir() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Path(os.environ.get("HERMES_GATEWAY_LOCK_DIR") or os.path.join(state, "hermes", "gateway-locks"))


class _Host:
    """What ``host.Host`` asks for, by the names above."""

    @property
    def windows(self) -> bool:
        return _IS_WINDOWS

    def pid_path(self) -> Path:
        return Path(_get_pid_path())

    def lock_dir(self) -> Path:
        return Path(_get_lock_dir())

    def start_time(self, pid: int) -> int | None:
        return _get_process_start_time(pid)

    def cmdline(self, pid: int) -> str | None:
        return _read_process_cmdline(pid)

    def read(self, path: Path) -> dict[str, Any] | None:
        return _read_json_file(path)

    def write(self, path: Path, payload: Mapping[str, Any]) -> None:
        _write_json_file(path, payload)


host = _Host()
claim = Claim(host)
scoped_locks = scoped.ScopedLocks(host)


# -- who runs -------------------------------------------------------------------------------------


@documented
def get_running_pid(pid_path: Path_ | None = None, *, cleanup_stale: bool = True) -> int | None:
    """The pid of the live gateway that the record names, or None.

    A stale record is removed when ``cleanup_stale`` is set and nobody holds the lifetime lock.
    """
    running = claim.running(Path(pid_path) if pid_path else _get_pid_path(), clean_up=cleanup_stale)
    return running[1].pid if running else None


def is_gateway_running(pid_path: Path_ | None = None, *, cleanup_stale: bool = True) -> bool:
    """Whether ``get_running_pid`` names a gateway."""
    return get_running_pid(pid_path, cleanup_stale=cleanup_stale) is not None


@documented
def get_process_start_time(pid: int) -> int | None:
    """When a process started, as its record says it; None where it is gone or cannot be told."""
    return _get_process_start_time(pid)


@documented
def owns_gateway() -> bool:
    """Whether this process is still the owner: the paths name its lock and its record.

    Five calls, cheap enough for a timer. An owner that is told no should stop.
    """
    return claim.stands()


# -- claim and release ----------------------------------------------------------------------------


@documented
def acquire_gateway_runtime_lock() -> bool:
    """Take the lifetime lock for as long as this process lives; whether it has it.

    Raises GatewayStatusError where that cannot be told, as with a lock file of another user.
    """
    return claim.acquire()


@documented
def release_gateway_runtime_lock() -> None:
    """Give the lifetime lock back, if this process took it."""
    claim.release()


@documented
def is_gateway_runtime_lock_active(lock_path: Path_ | None = None) -> bool:
    """Whether a process, this one included, holds the lifetime lock."""
    return claim.is_locked(Path(lock_path) if lock_path else _get_pid_path().with_name(locks.LOCK_FILE))


@documented
def write_pid_file(then: Callable[[], None] = lambda: None) -> None:
    """Publish the record of this process, and do something more before anybody else can claim or clean up.

    Raises FileExistsError, and leaves everything as it is, where a record stands that is not
    provably stale (this process's own included), or another process holds the lifetime lock.
    """
    claim.write_record(then)


@documented
def remove_pid_file() -> None:
    """Remove the record of this process; leave any other as it is."""
    claim.remove_record()


# -- hand-over ------------------------------------------------------------------------------------


def terminate_pid(pid: int, *, force: bool = False, expected_start_time: int | None = None) -> None:
    """Ask a process to end (SIGTERM), or have it ended (SIGKILL; on Windows, with all its children).

    Raises GatewayStatusError for pid 1 and below and for this process; ProcessLookupError where it is
    gone, or did not start at ``expected_start_time``; PermissionError where it is another user's.
    """
    terminate.terminate(pid, host, force=force, expected_start_time=expected_start_time)


@documented
def write_takeover_marker(target_pid: int) -> bool:
    """Tell a gateway that it is about to be replaced, so that it exits 0; whether that was possible."""
    return markers.write(host, markers.TAKEOVER_FILE, target_pid)


@documented
def consume_takeover_marker_for_self() -> bool:
    """Whether this process is being replaced. The marker goes with the question."""
    return markers.consume(host, markers.TAKEOVER_FILE)


@documented
def clear_takeover_marker() -> None:
    """Take back a marker of this process, or remove one that means nothing any more."""
    markers.clear(host, markers.TAKEOVER_FILE)


@documented
def write_planned_stop_marker(target_pid: int) -> bool:
    """Tell a gateway that it is about to be stopped, so that it exits 0; whether that was possible."""
    return markers.write(host, markers.PLANNED_STOP_FILE, target_pid)


@documented
def consume_planned_stop_marker_for_self() -> bool:
    """Whether this process is being stopped on purpose. The marker goes with the question."""
    return markers.consume(host, markers.PLANNED_STOP_FILE)


@documented
def clear_planned_stop_marker() -> None:
    """Take back a marker of this process, or remove one that means nothing any more."""
    markers.clear(host, markers.PLANNED_STOP_FILE)


# -- how it is doing ------------------------------------------------------------------------------


@documented
def write_runtime_status(
    *,
    gateway_state: str | None = UNSET,
    exit_reason: str | None = UNSET,
    restart_requested: bool | None = UNSET,
    active_agents: int | None = UNSET,
    platform: str | None = UNSET,
    platform_state: str | None = UNSET,
    error_code: str | None = UNSET,
    error_message: str | None = UNSET,
) -> None:
    """Change what is given in the state file, and nothing else; None clears a field.

    The last three are those of ``platform``, and without it of nothing. Pid, start time and command
    line are always those of this process. Raises GatewayStatusError (EDEADLK) in a signal handler that
    interrupted another call.
    """
    runtime.write(
        host,
        {
            "gateway_state": gateway_state,
            "exit_reason": exit_reason,
            "restart_requested": restart_requested,
            "active_agents": active_agents,
        },
        platform,
        {"state": platform_state, "error_code": error_code, "error_message": error_message},
    )


@documented
def read_runtime_status() -> dict[str, Any] | None:
    """What the state file says, or None where there is none that can be understood.

    It is no answer to who runs: a dead gateway's state file stays, and its pid may be somebody else's.
    """
    return runtime.read(host)


# -- scoped locks ---------------------------------------------------------------------------------


@documented
def acquire_scoped_lock(
    scope: str, identity: str, metadata: Mapping[str, Any] | None = None
) -> tuple[bool, dict[str, Any] | None]:
    """Take an identity, such as a bot token, for this process; whether it has it, and whose it is.

    The second is the record of the holder: this process's own where it held the lock already, and
    None where it was free or nothing is known of its holder.
    """
    return scoped_locks.acquire(scope, identity, metadata)


@documented
def release_scoped_lock(scope: str, identity: str) -> None:
    """Give an identity back, if it is this process's."""
    scoped_locks.release(scope, identity)


@documented
def release_all_scoped_locks(*, owner_pid: int | None = None, owner_start_time: int | None = None) -> int:
    """Give back every identity of this process; how many.

    With ``owner_pid`` those of that process instead, if it is gone, and did not start at any other time
    than ``owner_start_time``.
    """
    return scoped_locks.release_all(owner_pid, owner_start_time)


# -- respawn storms -------------------------------------------------------------------------------


def record_start_and_check_storm(
    max_starts: int = 5, window_s: float = 120.0, *, backoff_cap_s: float = 300.0
) -> StormInfo | None:
    """Note this start; what is known of the storm that it is part of, or None.

    There is a storm where more than ``max_starts`` starts lie within ``window_s``; ``backoff_s`` grows
    with their excess. Never raises: where the ledger cannot be kept there is no storm.
    """
    return storm.note_start(host, max_starts, window_s, backoff_cap_s)
