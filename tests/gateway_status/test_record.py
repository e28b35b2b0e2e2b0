"""Reading survives everything, and a record appears whole."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_status import record
from gateway_status.record import Record

Put = Callable[[Path, str], Path]


def test_hostile_content_names_nobody(tmp_path: Path, hostile: bytes) -> None:
    path = tmp_path / "gateway.pid"
    path.write_bytes(hostile)

    payload = record.read_json(path)

    assert payload is not None
    assert record.parse(payload) is None


def test_absent_file_is_told_from_one_without_a_record(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert record.read_json(tmp_path / "absent") is None
    assert record.read_json(tmp_path / "file" / "below-a-file") is None
    assert record.read_json(tmp_path / "file") == {}


@pytest.mark.parametrize("kind", ["directory", "dangling-link", "link", "fifo", "socket"])
def test_what_is_not_a_file_holds_no_record_and_no_reader(
    tmp_path: Path, put_in_the_way: Put, kind: str
) -> None:
    path = put_in_the_way(tmp_path / "gateway.pid", kind)

    assert record.read_json(path) == {}


def test_plain_integer_is_the_oldest_format(tmp_path: Path) -> None:
    path = tmp_path / "gateway.pid"
    path.write_text("4242\n")

    payload = record.read_json(path)

    assert payload == {"pid": 4242}
    assert record.parse(payload) == Record(4242)


@pytest.mark.parametrize("start_time", [True, 5.0, "5", None, [5]])
@pytest.mark.parametrize("boot_id", ["", 5, None, ["x"]])
def test_useless_start_time_and_boot_read_as_unknown(start_time: object, boot_id: object) -> None:
    payload = {"pid": 5, "start_time": start_time, "boot_id": boot_id}

    assert record.parse(payload) == Record(5)


def test_described_record_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "gateway.pid"
    names = Record(5, 7, "boot", "/home", "2026-11-24", ("gateway", "\udcff"))
    assert all(value != Record(0)[at] for at, value in enumerate(names)), "give each field a value here"
    described = record.describe(names)

    record.publish_json(path, described)

    assert record.read_json(path) == described
    assert record.parse(described) == names
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["gateway.pid"]


def test_endless_command_line_is_left_out_so_that_the_record_can_be_read() -> None:
    for argv in (("\U0001f600" * 10_000,), ("",) * 100_000, ("x" * 4_000, "")):
        content = json.dumps(record.describe(Record(5, 7, "boot", argv=argv)))

        assert len(content) <= record.MAX_FILE_BYTES


@pytest.mark.parametrize("kind", ["file", "directory", "dangling-link", "link", "fifo"])
@pytest.mark.parametrize("name", ["gateway.pid", "gateway.pid.new"])
def test_publishing_takes_the_place_of_what_stands_there(
    tmp_path: Path, put_in_the_way: Put, name: str, kind: str
) -> None:
    path = tmp_path / name
    if kind == "file":
        path.write_text("left by a writer that was killed")
    else:
        put_in_the_way(path, kind)

    record.publish_json(tmp_path / "gateway.pid", {"pid": 5})

    assert record.read_json(tmp_path / "gateway.pid") == {"pid": 5}
    assert not (tmp_path / "gateway.pid.new").exists()
    if kind == "link":
        assert (tmp_path / "elsewhere").read_text() == '{"pid": 5}'


def test_short_write_is_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))

    record.publish_json(tmp_path / "gateway.pid", {"pid": 4242})

    assert record.read_json(tmp_path / "gateway.pid") == {"pid": 4242}


def test_record_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gateway.pid"
    path.write_text('{"pid": 4}')
    seen = []
    write = os.write

    def look_after_each_byte(fd: int, data: bytes) -> int:
        written = write(fd, data[:1])
        seen.append(record.read_json(path))
        return written

    monkeypatch.setattr(os, "write", look_after_each_byte)

    record.publish_json(path, {"pid": 5})

    assert seen == [{"pid": 4}] * len('{"pid": 5}')
    assert record.read_json(path) == {"pid": 5}


def test_discarding_a_folder_with_something_in_it_fails(tmp_path: Path) -> None:
    (tmp_path / "gateway.pid" / "something").mkdir(parents=True)

    with pytest.raises(OSError, match="not empty"):
        record.discard(tmp_path / "gateway.pid")
