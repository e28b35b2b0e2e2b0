"""Markers: for which process they count, how long, and which process removes them."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from gateway_status import markers


class Kind(NamedTuple):
    """One of the two markers, by the functions of ``status``."""

    path: Path
    write: Callable[[int], bool]
    consume: Callable[[], bool]
    clear: Callable[[], None]


@pytest.fixture(params=("takeover", "planned_stop"))
def kind(request: pytest.FixtureRequest, status: ModuleType, home: Path) -> Kind:
    (home / "gateway.guard").touch()  # as a gateway that is told to end has made it
    return Kind(
        home / {"takeover": markers.TAKEOVER_FILE, "planned_stop": markers.PLANNED_STOP_FILE}[request.param],
        getattr(status, f"write_{request.param}_marker"),
        getattr(status, f"consume_{request.param}_marker_for_self"),
        getattr(status, f"clear_{request.param}_marker"),
    )


@pytest.fixture
def replacer() -> Iterator[subprocess.Popen[bytes]]:
    """Another process, which lives."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    if process.returncode is None:
        process.communicate(b"\n")


@pytest.fixture
def put(kind: Kind, status: ModuleType, replacer: subprocess.Popen[bytes]) -> Callable[..., None]:
    """Leaves a marker by the replacer for this process, with what a test wants to be different."""

    def write(*, age_s: float = 1.0, without: tuple[str, ...] = (), **different: Any) -> None:
        marker = {
            "target_pid": os.getpid(),
            "target_start_time": status.get_process_start_time(os.getpid()),
            "replacer_pid": replacer.pid,
            "replacer_start_time": status.get_process_start_time(replacer.pid),
            "written_at": (datetime.now(UTC) - timedelta(seconds=age_s)).isoformat(),
            **different,
        }
        kind.path.write_text(json.dumps({key: marker[key] for key in marker if key not in without}))

    return write


# -- for whom it counts ---------------------------------------------------------------------------


def test_marker_counts_once_for_the_process_that_it_names(kind: Kind) -> None:
    assert kind.write(os.getpid())
    assert kind.path.stat().st_mode & 0o777 == 0o600

    assert kind.consume()

    assert not kind.path.exists()
    assert not kind.consume()


def test_marker_says_who_wrote_it_for_whom(
    kind: Kind, status: ModuleType, replacer: subprocess.Popen[bytes]
) -> None:
    kind.write(replacer.pid)

    marker = json.loads(kind.path.read_text())
    assert datetime.fromisoformat(marker.pop("written_at")).utcoffset() == timedelta(0)
    assert marker == {
        "target_pid": replacer.pid,
        "target_start_time": status.get_process_start_time(replacer.pid),
        "replacer_pid": os.getpid(),
        "replacer_start_time": status.get_process_start_time(os.getpid()),
    }


def test_one_kind_of_marker_says_nothing_of_the_other(status: ModuleType) -> None:
    status.write_takeover_marker(os.getpid())

    assert not status.consume_planned_stop_marker_for_self()
    assert status.consume_takeover_marker_for_self()


@pytest.mark.parametrize(
    "different",
    ({"target_pid": os.getppid()}, {"target_start_time": 1}, {"target_start_time": None}),
    ids=("other-pid", "earlier-life", "unknown-start"),
)
def test_process_that_the_marker_does_not_name_leaves_it(
    kind: Kind, put: Callable[..., None], different: dict[str, Any]
) -> None:
    put(**different)

    assert not kind.consume()

    assert kind.path.exists()


@pytest.mark.parametrize(
    ("age_s", "counts"), ((0.0, True), (55.0, True), (61.0, False), (-30.0, False)), ids=repr
)
def test_marker_counts_for_a_minute_and_not_before(
    kind: Kind, put: Callable[..., None], age_s: float, counts: bool
) -> None:
    put(age_s=age_s)

    assert kind.consume() is counts

    assert not kind.path.exists()


def test_marker_of_a_crashed_replacer_is_void(
    kind: Kind, put: Callable[..., None], replacer: subprocess.Popen[bytes]
) -> None:
    put()
    replacer.communicate(b"\n")

    assert not kind.consume()

    assert not kind.path.exists()


def test_marker_of_a_replacer_whose_pid_was_given_again_is_void(kind: Kind, put: Callable[..., None]) -> None:
    put(replacer_start_time=1)

    assert not kind.consume()


@pytest.mark.parametrize(
    "without", (("replacer_start_time",), ("replacer_pid", "replacer_start_time")), ids=("pid", "nothing")
)
def test_marker_of_an_older_version_counts(
    kind: Kind, put: Callable[..., None], without: tuple[str, ...]
) -> None:
    put(without=without)

    assert kind.consume()


@pytest.mark.parametrize(
    "written_at", (None, 5, "yesterday", "2026-01-01", "99999-01-01T00:00:00+00:00", []), ids=repr
)
def test_marker_without_a_usable_time_is_void(
    kind: Kind, put: Callable[..., None], written_at: object
) -> None:
    put(written_at=written_at)

    assert not kind.consume()

    assert not kind.path.exists()


@pytest.mark.parametrize("pid", (True, 2**70, -1, 1e300, "5", [], {}), ids=repr)
def test_hostile_integers_in_a_marker_are_void(kind: Kind, put: Callable[..., None], pid: object) -> None:
    put(target_pid=pid)
    assert not kind.consume()
    put(replacer_pid=pid)
    assert not kind.consume()


def test_hostile_content_is_no_marker(kind: Kind, hostile: bytes) -> None:
    for use in (kind.consume, kind.clear, lambda: kind.write(os.getpid())):
        kind.path.write_bytes(hostile)

        use()

        assert not kind.path.exists() or kind.path.read_bytes() != hostile


@pytest.mark.parametrize("what", ("directory", "dangling-link", "link", "fifo", "socket"))
def test_what_is_not_a_file_is_no_marker(
    kind: Kind, put_in_the_way: Callable[[Path, str], Path], what: str
) -> None:
    put_in_the_way(kind.path, what)
    assert not kind.consume()
    assert not os.path.lexists(kind.path)
    put_in_the_way(kind.path, what) if what != "link" else kind.path.symlink_to("elsewhere")

    assert kind.write(os.getpid())

    assert kind.consume()


# -- who removes it -------------------------------------------------------------------------------


def test_clear_takes_back_a_marker_of_this_process(kind: Kind) -> None:
    kind.write(os.getppid())

    kind.clear()
    kind.clear()

    assert not kind.path.exists()


def test_clear_leaves_the_marker_of_another_replacer_that_lives(
    kind: Kind, put: Callable[..., None], replacer: subprocess.Popen[bytes]
) -> None:
    put(target_pid=os.getppid())

    kind.clear()

    assert kind.path.exists()
    replacer.communicate(b"\n")
    kind.clear()
    assert not kind.path.exists()


def test_consume_answers_without_waiting_for_the_guard(kind: Kind, home: Path) -> None:
    kind.write(os.getpid())
    with open(home / "gateway.guard") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)

        assert kind.consume()
        kind.clear()

        assert kind.path.exists()
    kind.clear()
    assert not kind.path.exists()


def test_marker_that_was_written_meanwhile_stays(
    kind: Kind, put: Callable[..., None], status: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(age_s=61.0)
    open_ = os.open

    def write_before_the_guard(name: Any, *args: Any) -> int:
        if str(name).endswith("gateway.guard"):
            put(target_pid=os.getppid())
        return open_(name, *args)

    monkeypatch.setattr(os, "open", write_before_the_guard)

    assert not kind.consume()

    assert kind.path.exists()


def test_marker_that_cannot_be_written_is_told(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", fail)

    assert not kind.write(os.getppid())

    assert not kind.consume()


def test_marker_that_cannot_be_read_or_removed_raises_nothing(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind.write(os.getpid())

    def refuse(*args: Any) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as read_only:
        read_only.setattr(os, "unlink", refuse)
        assert kind.consume()
        kind.clear()
    assert kind.path.exists()
    monkeypatch.setattr(os, "open", refuse)

    assert not kind.consume()
    kind.clear()
