"""Contents of corrupted files, by name. Each has broken readers of PID files.

A hostile pid takes the place of the pid in what the file contained: of the values whose name ends in ``pid``
in a JSON object, of the first number in any other text. All else is kept, so that a subject that looks at
other fields first gets as far as the pid. A file without a pid gets a record of the reference's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

_OTHERWISE: Final = b'{"pid": 1, "kind": "hermes-gateway", "start_time": 1000}'
_NUMBER: Final = re.compile(rb"[0-9]+")
_PLACE: Final = "the place of a pid"


def _pid(number: str, elsewhere: str | None = None) -> Callable[[bytes], bytes]:
    """The content with another pid; ``elsewhere`` takes the place of all other numbers, too."""

    def replaced(before: bytes) -> bytes:
        fields = _fields(before)
        if not fields and not _NUMBER.search(before):
            return replaced(_OTHERWISE)
        if not fields:
            return _NUMBER.sub(number.encode(), before, count=1)
        for name, value in fields.items():
            if name.endswith("pid"):
                fields[name] = _PLACE
            elif elsewhere and isinstance(value, int | float):
                fields[name] = f"{_PLACE} {elsewhere}"
        text = json.dumps(fields).replace(f'"{_PLACE}"', number)
        return text.replace(f'"{_PLACE} {elsewhere}"', str(elsewhere)).encode()

    return replaced


def _fields(content: bytes) -> dict[str, object]:
    """The fields of a JSON object that has a pid; none for any other content."""
    try:
        fields = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    named = isinstance(fields, dict) and any(name.endswith("pid") for name in fields)
    return fields if named else {}


HOSTILE: Final[dict[str, Callable[[bytes], bytes]]] = {
    "empty": lambda before: b"",
    "torn": lambda before: before[: len(before) // 2],
    "zeros": lambda before: bytes(max(len(before), 1)),
    "not-utf8": lambda before: b'{"pid": "\xff\xfe"}',
    "list": lambda before: b"[]",
    "minus-one": _pid("-1"),
    "nobody": _pid("0"),
    "init": _pid("1"),
    "true": _pid("true"),
    "huge-pid": _pid("1180591620717411303424"),
    "infinite": _pid("1e400", "1e400"),
    "digits": _pid("9" * 5000),
    "deep": lambda before: b"[" * 100_000,
}
IN_ITS_PLACE: Final = ("directory", "link")
