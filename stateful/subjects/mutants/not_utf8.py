"""only_documented_errors: a record that is not UTF-8 makes every start raise UnicodeDecodeError."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gateway_status import status
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop

reads = status._read_json_file


@overrides(status)
def _read_json_file(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    return reads(path) if Path(path).is_file() and Path(path).read_text() else None
