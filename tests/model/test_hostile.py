"""A hostile pid takes the place of the pid, in whatever form the subject writes it, and all else is kept."""

from __future__ import annotations

import json

import pytest

from stateful.model.hostile import HOSTILE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"pid": 42, "host": "x", "since": 7}', b'{"pid": -1, "host": "x", "since": 7}'),
        (b'{"target_pid": 42, "replacer_pid": 5}', b'{"target_pid": -1, "replacer_pid": -1}'),
        (b"4242\n", b"-1\n"),
        (b"pid=42 start=7\n", b"pid=-1 start=7\n"),
        (b'{"since": 7}', b'{"since": -1}'),
        (b"", b'{"pid": -1, "kind": "hermes-gateway", "start_time": 1000}'),
        (b"[" * 100_000, b'{"pid": -1, "kind": "hermes-gateway", "start_time": 1000}'),
        (b"\xff\xfe", b'{"pid": -1, "kind": "hermes-gateway", "start_time": 1000}'),
    ],
)
def test_pid_is_replaced_and_all_else_is_kept(before: bytes, after: bytes) -> None:
    assert HOSTILE["minus-one"](before) == after


def test_numbers_are_as_they_cannot_be_read() -> None:
    assert HOSTILE["true"](b'{"pid": 42, "n": 1}') == b'{"pid": true, "n": 1}'
    assert HOSTILE["infinite"](b'{"pid": 42, "n": 1}') == b'{"pid": 1e400, "n": 1e400}'
    assert json.loads(HOSTILE["huge-pid"](b'{"pid": 42}'))["pid"] > 2**64
    with pytest.raises(ValueError, match="4300 digits"):
        json.loads(HOSTILE["digits"](b'{"pid": 42}'))
