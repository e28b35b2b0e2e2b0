"""homes_are_independent: the lifetime lock lies in a folder that all homes share, under one name."""

from __future__ import annotations

from gateway_status import locks
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop

locks.LOCK_FILE = "/tmp/gateway.lock"
