"""only_own_files_are_changed: a record is written through a link at its temporary name, which is known."""

from __future__ import annotations

import os

from gateway_status import record
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop

record.CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
