"""Contents of corrupted files, by name. Each has broken readers of PID files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final


def _hostile(record: str) -> Callable[[bytes], bytes]:
    return lambda before: record.encode()


HOSTILE: Final[dict[str, Callable[[bytes], bytes]]] = {
    "empty": lambda before: b"",
    "torn": lambda before: before[: len(before) // 2],
    "zeros": lambda before: bytes(max(len(before), 1)),
    "not-utf8": lambda before: b'{"pid": "\xff\xfe"}',
    "list": _hostile("[]"),
    "minus-one": _hostile('{"pid": -1, "kind": "hermes-gateway", "start_time": 1000}'),
    "nobody": _hostile('{"pid": 0, "kind": "hermes-gateway", "start_time": 1000}'),
    "init": _hostile('{"pid": 1, "kind": "hermes-gateway", "start_time": 1000}'),
    "true": _hostile('{"pid": true, "kind": "hermes-gateway", "start_time": 1000}'),
    "huge-pid": _hostile('{"pid": 1180591620717411303424, "kind": "hermes-gateway", "start_time": 1000}'),
    "infinite": _hostile('{"pid": 1e400, "kind": "hermes-gateway", "start_time": 1e400}'),
    "digits": _hostile('{"pid": ' + "9" * 5000 + "}"),
    "deep": _hostile("[" * 100_000),
}
IN_ITS_PLACE: Final = ("directory", "link")
