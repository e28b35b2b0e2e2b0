"""Ends a running gateway on purpose: verify it, mark it, ask it, wait for it, force it.

A signal goes only to the process that the record names, that is proven to be the one which wrote it, and
while somebody holds the lifetime lock of this home: a record that was copied here with another home names
a gateway that is none of our business.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path

from gateway_status import locks, markers
from gateway_status.claim import Claim
from gateway_status.errors import GatewayStatusError
from gateway_status.host import Host
from gateway_status.identity import Verdict
from gateway_status.record import Record
from gateway_status.terminate import Victim

GRACE_S = 10.0
LAST_GRACE_S = 5.0  # after SIGKILL: a process may be in an uninterruptible sleep

Wait = Callable[[Victim, float], bool]


class NotEnded(GatewayStatusError):
    """The gateway runs on: one sentence that says why, and what to do."""


def end(host: Host, claim: Claim, marker: str, wait: Wait = Victim.has_ended) -> Record | None:
    """End the gateway that runs; its record, or None where none runs. Raises NotEnded."""
    path = host.pid_path()
    running = claim.running(path, clean_up=True)
    if running is None:
        return None
    verdict, record = running
    pid = record.pid
    start_time = host.start_time(pid)
    if verdict is not Verdict.LIVE or start_time is None:
        raise NotEnded(errno.ESRCH, f"it cannot be told whether process {pid} is it; end it by hand", path)
    if pid == os.getpid():
        raise NotEnded(errno.EPERM, f"it is this process itself, {pid}", path)
    if not claim.is_locked(path.with_name(locks.LOCK_FILE)):
        raise NotEnded(
            errno.ENOLCK,
            f"process {pid} does not hold the lock of this home: it is the gateway of another home or of an "
            "older version; end it by hand",
            path,
        )
    try:
        with Victim(pid, start_time, host) as victim:
            _end(host, claim, marker, victim, path, wait)
    except ProcessLookupError:
        pass  # It is gone already.
    except PermissionError as error:
        text = f"process {pid} belongs to another user; end it as that user"
        raise NotEnded(errno.EPERM, text, path) from error
    finally:
        markers.clear(host, marker)
    return record


def _end(host: Host, claim: Claim, marker: str, victim: Victim, path: Path, wait: Wait) -> None:
    # Between the first look and the pidfd it may have ended, and another gateway may have begun.
    now = claim.running(path, clean_up=False)
    if now is None or now[0] is not Verdict.LIVE or now[1].pid != victim.pid:
        raise ProcessLookupError
    markers.write(host, marker, victim.pid)
    victim.send(signal.SIGTERM)
    if wait(victim, GRACE_S):
        return
    victim.send(getattr(signal, "SIGKILL", signal.SIGTERM))
    if not wait(victim, LAST_GRACE_S):
        raise NotEnded(
            errno.EBUSY, f"process {victim.pid} survives SIGKILL; find out what it waits for", path
        )
