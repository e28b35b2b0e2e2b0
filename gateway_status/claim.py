"""A home's claim: who owns it by its record and its lifetime lock, and how it is claimed and released.

A start calls ``running_pid``, ``acquire`` and ``write_record``, and gives up at the first that answers
with a pid, False or FileExistsError. An exit calls ``remove_record`` and then ``release``. A process that
becomes a daemon claims after its last fork.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gateway_status import identity, locks
from gateway_status import record as records
from gateway_status.host import Host, this_process
from gateway_status.identity import Verdict
from gateway_status.record import Record


class Claim:
    """What this process holds of its home, which is nothing at first."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._held: locks.Held | None = None
        self._written: Record | None = None  # The record that this process wrote and has not removed.

    # -- asking -----------------------------------------------------------------------------------

    def running(self, path: Path, *, clean_up: bool) -> tuple[Verdict, Record] | None:
        """The record of the gateway that runs, and whether it is proven or the lock's word; or None.

        A stale record is removed where ``clean_up`` is set and nobody holds the lifetime lock.
        """
        payload = self._host.read(path)
        if payload is None:
            return None
        verdict, record = self.judge(payload, path)
        if verdict is Verdict.LIVE:
            assert record is not None
            return verdict, record
        if verdict is Verdict.UNSURE:
            return self._settle(path, verdict, clean_up=clean_up)
        if clean_up:
            # Cleaning up is a favour: who cannot do it still knows that the record is stale.
            with contextlib.suppress(OSError):
                return self._settle(path, verdict, clean_up=True)
        return None

    def _settle(self, path: Path, verdict: Verdict, *, clean_up: bool) -> tuple[Verdict, Record] | None:
        """Look again under the guard, where the lifetime lock tells whether anybody owns.

        A stale record is left to whoever is behind the guard already. Without clean-up the guard is
        not created: where there is none, no gateway of this version has claimed the home.
        """
        home = str(path.parent)
        wait = verdict is Verdict.UNSURE
        with locks.guard(home, create=clean_up, wait=wait) as entered:
            if not entered:
                return None
            with locks.free_lifetime(os.path.join(home, locks.LOCK_FILE), create=clean_up) as free:
                if not free and verdict is Verdict.STALE:
                    return None
                # The whole life of another gateway may lie between the first look and the guard.
                payload = self._host.read(path)
                if payload is None:
                    return None
                verdict, record = self.judge(payload, path)
                if verdict is Verdict.LIVE or (verdict is Verdict.UNSURE and not free):
                    assert record is not None
                    return verdict, record
                if free and clean_up:
                    records.discard(path)
        return None

    def judge(self, payload: Mapping[str, Any], path: Path) -> tuple[Verdict, Record | None]:
        """What is known of what stands in a PID file."""
        record = records.parse(payload)
        return identity.judge(record, self._host, path.parent).verdict, record

    def is_locked(self, path: Path) -> bool:
        """Whether a process, this one included, holds a lifetime lock."""
        if not os.path.lexists(path):
            return False
        # Taking the lock without the guard could cost a starter its only try.
        with (
            locks.guard(str(path.parent), create=True, wait=True),
            locks.free_lifetime(str(path)) as free,
        ):
            return not free

    # -- the lifetime lock ------------------------------------------------------------------------

    def acquire(self) -> bool:
        """Take the lifetime lock for as long as this process lives; whether it has it."""
        if self.holds_lock():
            return True
        if self._held is not None:
            # A parent took it before it forked us. Our copy of its descriptor would outlive it.
            inherited, self._held = self._held.fd, None
            os.close(inherited)
        self._held = locks.acquire(str(self._host.pid_path().parent))
        return self._held is not None

    def holds_lock(self) -> bool:
        """Whether this process took the lifetime lock: a child that it forked did not."""
        return self._held is not None and self._held.holder == os.getpid()

    def release(self) -> None:
        """Give the lifetime lock back, if this process took it."""
        if self._held is not None and self.holds_lock():
            fd, self._held = self._held.fd, None
            os.close(fd)

    # -- the record -------------------------------------------------------------------------------

    def write_record(self, then: Callable[[], None] = lambda: None) -> None:
        """Publish the record of this process, and do something more before the guard is left.

        Raises FileExistsError where that is not its right.
        """
        path = self._host.pid_path()
        home = str(path.parent)
        record = this_process(self._host)
        with (
            locks.guard(home, create=True, wait=True),
            contextlib.nullcontext(True)
            if self.holds_lock()
            else locks.free_lifetime(os.path.join(home, locks.LOCK_FILE), create=True) as free,
        ):
            if not free:
                raise FileExistsError(errno.EEXIST, "another gateway starts or runs", str(path))
            payload = self._host.read(path)
            if payload is not None:
                # Nobody else holds the lifetime lock, so a record of which nothing is known is no
                # live gateway's, unless it is our own.
                verdict, recorded = self.judge(payload, path)
                if verdict is Verdict.LIVE or (verdict is Verdict.UNSURE and self.is_mine(payload)):
                    pid = recorded.pid if recorded is not None else None
                    text = f"the gateway runs already, with pid {pid}"
                    raise FileExistsError(errno.EEXIST, text, str(path))
            self._host.write(path, records.describe(record))
            self._written = record
            then()

    def remove_record(self) -> None:
        """Remove the record of this process; leave any other as it is."""
        path = self._host.pid_path()
        payload = self._host.read(path)
        if payload is None or not self.is_mine(payload):
            return
        if self.holds_lock():
            # Nobody else may change the record, so the exit of an owner waits for nobody either.
            records.discard(path)
            self._written = None
            return
        with locks.guard(str(path.parent), create=False, wait=True):
            # Without the lifetime lock, and where no start time tells that we live, another gateway
            # may have taken the record for stale and put its own in the place of it.
            payload = self._host.read(path)
            if payload is not None and self.is_mine(payload):
                records.discard(path)
                self._written = None

    def is_mine(self, payload: Mapping[str, Any]) -> bool:
        """Whether a record is provably this process's: our pid is also in another container's."""
        record = records.parse(payload)
        if record is None or record.pid != os.getpid():
            return False
        written = self._written
        if written is not None and record._replace(argv=()) == written._replace(argv=()):
            return True
        return identity.is_this_process(record, self._host)

    def stands(self) -> bool:
        """Whether this process is still the owner: the paths name its lock and its record."""
        if self._held is None or not self.holds_lock():
            return False
        try:
            if not locks.is_named(self._held.fd, self._held.path):
                return False
        except OSError as error:
            if error.errno != errno.EBADF:
                raise
            return False  # Something closed the descriptor, and the lock went with it.
        payload = self._host.read(self._host.pid_path())
        return payload is not None and self.is_mine(payload)
