"""Contents on the host and in the simulation: which count as equal, and how values are translated."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from stateful.host.translation import Translation
from stateful.model.machine import BOOT_ID


@pytest.fixture
def translation() -> Translation:
    translation = Translation(timedelta(days=1, seconds=2))
    translation.add(101, 34512)
    translation.add(5000, 188_042)
    return translation


@pytest.mark.parametrize(
    ("simulated", "real", "same"),
    [
        (b'{"pid": 101, "start_time": 5000}', b'{"pid": 34512, "start_time": 188042}', True),
        (b'{"pid": 101, "start_time": 5000}', b'{"pid": 34513, "start_time": 188042}', False),
        (b'{"pid": 101, "start_time": 5000}', b'{"pid": 34512, "start_time": null}', False),
        (b"1750000000.000", b"1764163394.000", True),  # a time: numbers that nobody knows
        (b"1750000000.000", b"1764163394", False),
        (b"", b"0", False),
    ],
)
def test_contents_agree(translation: Translation, simulated: bytes, real: bytes, same: bool) -> None:
    assert translation.agree(simulated, real) is same


def test_content_is_translated(translation: Translation) -> None:
    assert translation.to_host(b'{"pid": 101, "n": 1011}') == b'{"pid": 34512, "n": 1011}'
    assert translation.number(-101) == -34512


@pytest.mark.parametrize(
    ("simulated", "real"),
    [
        (b'"2025-06-15T15:06:40+00:00"', b'"2025-06-16T15:06:42+00:00"'),
        (b'"2025-06-15T15:06:40.500000+00:00"', b'"2025-06-16T15:06:42.500000+00:00"'),
        (b'"2025-66-15T15:06:40+00:00"', b'"2025-66-15T15:06:40+00:00"'),
    ],
)
def test_date_is_as_much_later_as_the_host_is(
    translation: Translation, simulated: bytes, real: bytes
) -> None:
    assert translation.to_host(simulated) == real


def test_boot_is_this_one_or_another(translation: Translation) -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    this, before = f"{BOOT_ID}2".encode(), f"{BOOT_ID}1".encode()
    assert translation.to_host(this) == boot
    assert translation.to_host(before) not in (boot, before)
    assert translation.agree(this, boot)
    assert not translation.agree(before, boot)
    translation.boots += 1
    assert not translation.agree(this, boot)


@pytest.mark.parametrize("size", range(1, 32))
def test_half_of_a_record_is_half_of_a_real_one(translation: Translation, size: int) -> None:
    simulated, real = b'{"pid": 101, "start_time": 5000}', b'{"pid": 34512, "start_time": 188042}'
    cut = translation.cut(simulated, size, real)
    assert 0 < cut < len(real)
    ours, theirs = simulated[:size], real[:cut]
    torn = ours[-1:].isdigit() and simulated[size : size + 1].isdigit()
    assert torn or translation.agree(ours, theirs)
    assert ours.rstrip(b"0123456789").count(b'"') == theirs.rstrip(b"0123456789").count(b'"')


@pytest.mark.parametrize("size", (1, 9, 10, 11, 20, 40, 46, 47, 60))
def test_boot_is_cut_where_it_is(translation: Translation, size: int) -> None:
    simulated = f'{{"boot": "{BOOT_ID}2", "kind": "a"}}'.encode()
    real = translation.to_host(simulated)
    assert translation.cut(simulated, min(size, len(simulated) - 1), real) == min(size, len(simulated) - 1)


def test_part_of_the_id_of_this_boot_agrees_at_an_end_alone(translation: Translation) -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    this = f"{BOOT_ID}2".encode()
    assert translation.agree(b"boot " + this[:18], b"boot " + boot[:18])
    assert translation.agree(this[18:] + b" pid 101", boot[18:] + b" pid 34512")
    assert not translation.agree(this[18:] + b" pid 101", boot[17:] + b" pid 34512")
    assert not translation.agree(this[18:] + b" pid 101", boot[18:] + b" pid 34513")
    assert not translation.agree(b"<" + this[:18] + b">", b"<" + boot[:18] + b">")


@pytest.mark.parametrize(
    ("real", "begins"), [(b"pid 34512 of", True), (b"pid 34512 as", False), (b"pad 34512 of", False)]
)
def test_part_of_a_content_is_its_beginning_or_differs(
    translation: Translation, real: bytes, begins: bool
) -> None:
    assert translation.begins(b"pid 101 of 1", real) is begins
