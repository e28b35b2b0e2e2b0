"""The start-up path of a gateway: claim the home, replace who is there, serve, drain, release.

    sys.exit(run_gateway(serve, replace="--replace" in sys.argv))

``serve`` is called exactly while this process owns the home, in the main thread, and blocks until it is
done. The first SIGTERM or SIGINT raises Stop in it: what it does on the way out, in ``finally`` and
``with``, is the draining, and the lock is held until that is over. Instead it may handle signals itself,
and return an exit status. The exit status tells a supervisor what to do:

- OK, 0: it ended by itself, or was replaced or stopped on purpose.
- FAILED, 1: it was refused, lost its home, or was terminated by a signal that nobody announced.
- RESTART, 75: it wants to be started again (``serve`` raised RestartWanted).
- MISCONFIGURED, 78: starting it again is of no use (FatalConfiguration, or a home that may not be used).

What it has to say goes to the logger ``gateway_status``.
"""

from __future__ import annotations

import errno
import logging
import shlex
import time
from collections.abc import Callable
from pathlib import Path

from gateway_status import handover, locks, markers, runtime, status
from gateway_status.errors import GatewayStatusError, documented
from gateway_status.record import Record
from gateway_status.stop import Signals
from gateway_status.stop import Stop as Stop
from gateway_status.terminate import Victim

OK, FAILED, RESTART, MISCONFIGURED = 0, 1, 75, 78

# What a supervisor cannot mend by starting again: 8,000 restarts have been seen on a lock file of root.
FOR_GOOD = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS),  # another user's
        *(errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.ELOOP, errno.ENXIO, errno.EINVAL),  # no file
        *(errno.ENOSYS, errno.EOPNOTSUPP, errno.ENAMETOOLONG),  # no home for a lock
    }
)
# Between tries for a lock that outlived its owner, as where a forked child of it still ends.
PAUSES_S = (0.1, 0.4, 1.5, 4.0)

log = logging.getLogger("gateway_status")
log.addHandler(logging.NullHandler())


class RestartWanted(Exception):
    """Raised by ``serve``: the gateway is to be started again."""


class FatalConfiguration(Exception):
    """Raised by ``serve``: starting the gateway again would be of no use."""


def run_gateway(serve: Callable[[], object], *, replace: bool = False) -> int:
    """Be the gateway of this home; the exit status. What else ``serve`` raises comes after the release."""
    with Signals() as signals:
        code, refusal = _try_to_claim(signals, replace=replace)
        if refusal is None:
            code, reason = FAILED, "it failed"
            try:
                code, reason = _serve(serve, signals)
            except BaseException as error:
                code, reason = _raised(error)
                raise
            finally:
                _release(code, reason)
        else:
            log.error("gateway: %s", refusal)
    return code


@documented
def stop_gateway() -> Record | None:
    """Stop the gateway of this home on purpose; its record, or None where none runs. Raises NotEnded."""
    return handover.end(status.host, status.claim, markers.PLANNED_STOP_FILE)


def describe(record: Record) -> str:
    """A gateway in words: its pid, and since when."""
    return f"pid {record.pid}" + (f", since {record.since}" if record.since else "")


def explain(error: OSError) -> str:
    """What is wrong, where, and what to do about it."""
    if isinstance(error, handover.NotEnded):
        return f"{_home()}: {error.strerror}"
    return f"{error.filename or _home()}: {error.strerror}; `python -m gateway_status doctor` says more"


# -- claim ----------------------------------------------------------------------------------------


def _try_to_claim(signals: Signals, *, replace: bool) -> tuple[int, str | None]:
    """Become the owner, or the exit status and the reason of a start that does not."""
    try:
        _wait_out_a_storm(signals)
        return FAILED, _claim(signals, replace=replace)
    except GatewayStatusError as error:
        return MISCONFIGURED if error.errno in FOR_GOOD else FAILED, explain(error)
    except Stop:
        return OK if _was_planned() else FAILED, f"{signals.name} ended it before it began"


@documented
def _claim(signals: Signals, *, replace: bool) -> str | None:
    """Become the owner, or say why not."""
    victim = None
    if replace:

        def wait(victim: Victim, timeout_s: float) -> bool:
            with signals.raising():
                return victim.has_ended(timeout_s)

        victim = handover.end(status.host, status.claim, markers.TAKEOVER_FILE, wait)
    elif running := status.claim.running(status.host.pid_path(), clean_up=True):
        return (
            f"one runs already in {_home()}: {describe(running[1])}; "
            "stop it with `python -m gateway_status stop`, or take its place with `run --replace`"
        )
    if not _acquire(signals, victim):
        lock = shlex.quote(str(_home() / locks.LOCK_FILE))
        return (
            f"another one starts in {_home()}, or a child of the last one still holds its lock; "
            f"`fuser {lock}` names it"
        )
    try:
        status.write_pid_file(_begin)
    except FileExistsError as error:
        status.release_gateway_runtime_lock()
        return f"refused in {_home()}: {error.strerror}"
    except BaseException:
        status.release_gateway_runtime_lock()
        raise
    if victim:
        log.info("gateway: took the place of %s", describe(victim))
    return None


def _begin() -> None:
    """Under the guard still, which spares those who wait for it some turns."""
    _tell(lambda: runtime.begin(status.host, "running"))


def _acquire(signals: Signals, victim: Record | None) -> bool:
    """Take the lifetime lock; after a victim wait for it, unless somebody else was faster."""
    if status.acquire_gateway_runtime_lock():
        return True
    for pause_s in PAUSES_S if victim else ():
        if status.get_running_pid() is not None:
            return False
        with signals.raising():
            time.sleep(pause_s)
        if status.acquire_gateway_runtime_lock():
            return True
    return False


def _wait_out_a_storm(signals: Signals) -> None:
    """Where a supervisor starts gateways as fast as it can, slow it down."""
    info = status.record_start_and_check_storm()
    if info is not None:
        log.warning(
            "gateway: start %d within %.0f s in %s; waits for %.0f s",
            info.starts,
            info.window_s,
            _home(),
            info.backoff_s,
        )
        with signals.raising():
            time.sleep(info.backoff_s)


# -- serve and release ----------------------------------------------------------------------------


def _serve(serve: Callable[[], object], signals: Signals) -> tuple[int, str]:
    try:
        with signals.raising():
            result = serve()
    except Stop:
        if _was_planned():
            return OK, "it was replaced or stopped on purpose"
        return FAILED, f"{signals.name} ended it, which nobody announced"
    except RestartWanted as wanted:
        return RESTART, str(wanted) or "it wants to be started again"
    except FatalConfiguration as fatal:
        return MISCONFIGURED, str(fatal) or "its configuration is of no use"
    if isinstance(result, int) and not isinstance(result, bool):
        return result, _with_status(result)
    if not status.owns_gateway():
        return FAILED, "it has lost its home"
    return OK, "it was done"


def _raised(error: BaseException) -> tuple[int, str]:
    """What becomes of the process when ``serve`` raises this."""
    if not isinstance(error, SystemExit):
        return FAILED, f"it failed: {type(error).__name__}: {error}"
    code = OK if error.code is None else int(error.code) if isinstance(error.code, int) else FAILED
    return code, _with_status(code)


def _with_status(code: int) -> str:
    return f"it ended with exit status {code}"


def _was_planned() -> bool:
    return status.consume_takeover_marker_for_self() or status.consume_planned_stop_marker_for_self()


def _release(code: int, reason: str) -> None:
    """The record goes first and the lock last. In a child that ``serve`` forked, nothing goes."""
    if not status.claim.holds_lock():
        return
    (log.info if code == OK else log.error)(
        "gateway: ends in %s with exit status %d: %s", _home(), code, reason
    )
    _tell(
        lambda: status.write_runtime_status(
            gateway_state="stopped", exit_reason=reason, restart_requested=code == RESTART
        )
    )
    try:
        if status.scoped_locks.holds_any:
            status.release_all_scoped_locks()
        status.remove_pid_file()
    except GatewayStatusError as error:
        log.error("gateway: %s; the next start cleans up", explain(error))
    finally:
        status.release_gateway_runtime_lock()


def _tell(write: Callable[[], None]) -> None:
    """Write the runtime status, which nothing depends on."""
    try:
        write()
    except OSError as error:
        log.warning("gateway: %s", explain(error))


def _home() -> Path:
    return status.host.pid_path().parent
