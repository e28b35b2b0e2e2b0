"""homes_are_independent: the lifetime lock lies in a folder of all homes, under the last name of the home."""

from __future__ import annotations

import os

from gateway_status import locks
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop

locks.LOCK_FILE = f"/tmp/{os.path.basename(os.environ['HERMES_HOME'])}.lock"
