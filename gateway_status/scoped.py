"""Scoped locks: of all gateways of this machine, one at a time may use an identity, such as a bot token.

Whoever holds a scoped lock holds an exclusive kernel lock on its file, however it ends; the content says
who that is. It names the identity by a hash only, since an identity may be a secret.

- Every change happens under the guard of the folder. So a file that is unlinked on release is never one
  that somebody else has just opened to lock it, and content may be written in place: a crash leaves
  torn content without a lock, which the next process reclaims.
- Where the kernel lock is free, a record that is proven live still counts: an older version takes no
  kernel lock. Every other record is reclaimed.
- Only the process that took a lock releases it, which a child that it forked is not.

Not covered: what ``locks`` does not cover, and a record of this process that another copy of this
module wrote, which counts as held by both.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway_status import identity as identities
from gateway_status import locks
from gateway_status import record as records
from gateway_status.errors import GatewayStatusError
from gateway_status.host import Host, this_process
from gateway_status.identity import Verdict

SCOPE = re.compile(r"[\w.-]+", re.ASCII)
LOCK_NAME = re.compile(r".+-[0-9a-f]{16}\.lock", re.DOTALL)


class ScopedLocks:
    """The scoped locks that this process holds, which are none at first."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._held: dict[str, locks.Held] = {}

    @property
    def holds_any(self) -> bool:
        """Whether there is anything to release."""
        return bool(self._held)

    def acquire(
        self, scope: str, identity: str, metadata: Mapping[str, Any] | None
    ) -> tuple[bool, dict[str, Any] | None]:
        """See ``status.acquire_scoped_lock``."""
        path = self._path(scope, identity)
        record = self._describe(scope, identity, metadata)
        content = json.dumps(record).encode()
        if len(content) > records.MAX_FILE_BYTES:
            raise GatewayStatusError(errno.EFBIG, "the metadata is too large for a lock file", path)
        with locks.guard(os.path.dirname(path), create=True, wait=True):
            self._forget_inherited()
            held = self._held.get(path)
            if held is not None and _stands(held):
                _rewrite(held.fd, content)
                return True, record
            self._held.pop(path, None)
            fd = locks.take(path, create=True)
            with contextlib.ExitStack() as undo:
                if fd is not None:
                    undo.callback(os.close, fd)
                standing = self._host.read(Path(path)) or {}
                mine = self._is_mine(standing)
                if fd is None:
                    return mine, standing or None
                if not mine and self._is_live(standing):
                    return False, standing
                _rewrite(fd, content)
                self._held[path] = locks.Held(fd, path, os.getpid())
                undo.pop_all()
        return True, record if mine else None

    def release(self, scope: str, identity: str) -> None:
        """See ``status.release_scoped_lock``."""
        path = self._path(scope, identity)
        with self._guard(os.path.dirname(path)):
            self._release(path)

    def release_all(self, owner_pid: int | None, owner_start_time: int | None) -> int:
        """See ``status.release_all_scoped_locks``."""
        folder = os.fspath(self._host.lock_dir())
        released = 0
        with self._guard(folder) as entered:
            names = sorted(os.listdir(folder)) if entered else []
            for path in (os.path.join(folder, name) for name in names if LOCK_NAME.fullmatch(name)):
                with contextlib.suppress(OSError):  # One that cannot be asked does not keep the others.
                    if owner_pid is None:
                        released += self._release(path)
                    else:
                        released += self._reap(path, owner_pid, owner_start_time)
        return released

    @contextlib.contextmanager
    def _guard(self, folder: str) -> Iterator[bool]:
        """The guard of a folder, if there is such a folder."""
        with locks.guard(folder, create=os.path.isdir(folder), wait=True) as entered:
            self._forget_inherited()
            yield entered

    def _release(self, path: str) -> bool:
        """Under the guard, release a lock; whether it was this process's."""
        held = self._held.get(path)
        if held is None:
            # Not by this object, but maybe by this process: before an exec, or by a reloaded module.
            standing = self._host.read(Path(path))
            if standing is None or not self._is_mine(standing):
                return False
            records.discard(path)
            return True
        stands = _stands(held)
        if stands:
            records.discard(path)
            os.close(held.fd)
        del self._held[path]
        return stands

    def _reap(self, path: str, pid: int, start_time: int | None) -> bool:
        """Under the guard, remove the lock of an owner that is gone; whether there was one."""
        record = records.parse(self._host.read(Path(path)) or {})
        if record is None or record.pid != pid or start_time not in (None, record.start_time):
            return False
        with locks.free_lifetime(path) as free:
            if not free or identities.judge(record, self._host).verdict is Verdict.LIVE:
                return False
            records.discard(path)
        return True

    def _forget_inherited(self) -> None:
        """Close what a parent held when it forked us: our copy of a descriptor would outlive it."""
        for path, held in list(self._held.items()):
            if held.holder != os.getpid():
                del self._held[path]
                if _stands(held):
                    os.close(held.fd)

    def _is_mine(self, standing: Mapping[str, Any]) -> bool:
        record = records.parse(standing)
        return record is not None and identities.is_this_process(record, self._host)

    def _is_live(self, standing: Mapping[str, Any]) -> bool:
        return identities.judge(records.parse(standing), self._host).verdict is Verdict.LIVE

    def _path(self, scope: str, identity: str) -> str:
        if not SCOPE.fullmatch(scope):
            raise GatewayStatusError(errno.EINVAL, f"not a scope: {scope!r}; use letters, digits, _ . and -")
        return os.path.join(self._host.lock_dir(), f"{scope}-{_hash(identity)}.lock")

    def _describe(self, scope: str, identity: str, metadata: Mapping[str, Any] | None) -> dict[str, Any]:
        return records.describe(this_process(self._host)) | {
            "scope": scope,
            "identity_hash": _hash(identity),
            "metadata": dict(metadata or {}),
            "updated_at": datetime.now(UTC).isoformat(),
        }


def _hash(identity: str) -> str:
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _stands(held: locks.Held) -> bool:
    """Whether the path names what we locked. If not, the descriptor may be another file's by now."""
    try:
        return locks.is_named(held.fd, held.path)
    except OSError:
        return False


def _rewrite(fd: int, content: bytes) -> None:
    # Emptied first: a part of new content before the end of the old could make a record of somebody.
    os.ftruncate(fd, 0)
    os.lseek(fd, 0, os.SEEK_SET)
    while content:
        content = content[os.write(fd, content) :]
