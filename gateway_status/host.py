"""What the protocol asks of its surroundings; ``status`` answers by names that test suites substitute."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from gateway_status import identity
from gateway_status.record import Record


class Host(Protocol):
    """The machine and the files of one home."""

    @property
    def windows(self) -> bool:
        """Whether this is Windows."""

    def pid_path(self) -> Path:
        """Where the PID file belongs; the other files of the home stand beside it."""

    def lock_dir(self) -> Path:
        """Where the scoped locks of all gateways of this user belong."""

    def start_time(self, pid: int) -> int | None:
        """See ``identity.start_time``."""

    def cmdline(self, pid: int) -> str | None:
        """See ``identity.cmdline``."""

    def read(self, path: Path) -> dict[str, Any] | None:
        """See ``record.read_json``."""

    def write(self, path: Path, payload: Mapping[str, Any]) -> None:
        """See ``record.publish_json``."""


def this_process(host: Host) -> Record:
    """The record that names the calling process."""
    pid = os.getpid()
    home = os.path.abspath(host.pid_path().parent)
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return Record(pid, host.start_time(pid), identity.boot_id(), home, since, tuple(map(str, sys.argv)))
