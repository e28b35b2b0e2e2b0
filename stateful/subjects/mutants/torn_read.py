"""only_documented_errors: a record is written in place, and a query that reads half of it raises."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway_status import status
from stateful.subjects.overrides import overrides
from stateful.subjects.reference import documented_errors, gateway, running_pid, stop


@overrides(status)
def _write_json_file(path: str | os.PathLike[str], payload: Mapping[str, Any]) -> None:
    Path(path).write_text(json.dumps(payload))


@overrides(status)
def _read_json_file(path: str | os.PathLike[str]) -> Any:
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError:
        return None
