"""Both locks, against other descriptors, operators and odd files in place of a lock file."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

import pytest

from gateway_status import locks


def lifetime(home: Path) -> str:
    return str(home / locks.LOCK_FILE)


def test_lifetime_lock_is_taken_once(tmp_path: Path) -> None:
    held = locks.acquire(str(tmp_path))

    assert held is not None
    assert held.holder == os.getpid()
    assert locks.acquire(str(tmp_path)) is None
    with locks.free_lifetime(lifetime(tmp_path)) as free:
        assert not free
    os.close(held.fd)
    with locks.free_lifetime(lifetime(tmp_path)) as free:
        assert free
        assert locks.acquire(str(tmp_path)) is None
    again = locks.acquire(str(tmp_path))
    assert again is not None
    os.close(again.fd)


def test_lock_files_are_private_stay_and_are_not_inherited(tmp_path: Path) -> None:
    held = locks.acquire(str(tmp_path / "made" / "here"))

    assert held is not None
    assert not os.get_inheritable(held.fd)
    os.close(held.fd)
    for name in (locks.LOCK_FILE, locks.GUARD_FILE):
        assert stat.S_IMODE((tmp_path / "made" / "here" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "made" / "here").stat().st_mode) == 0o700


def test_absent_lifetime_lock_is_free_and_not_created(tmp_path: Path) -> None:
    with locks.free_lifetime(lifetime(tmp_path)) as free:
        assert free

    assert os.listdir(tmp_path) == []


def test_version_without_guard_is_kept_out_of_a_clean_up(tmp_path: Path) -> None:
    """It made and locked the file that a clean-up had not found, and lost the record that it then wrote."""
    with locks.free_lifetime(lifetime(tmp_path), create=True) as free:
        assert free
        older = os.open(lifetime(tmp_path), os.O_CREAT | os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(older, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(older, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(older)


def test_busy_guard_is_left_alone_by_who_does_not_wait(tmp_path: Path) -> None:
    home = str(tmp_path)
    with locks.guard(home, create=True, wait=True) as outer:
        with locks.guard(home, create=True, wait=False) as inner:
            assert (outer, inner) == (True, False)
        with locks.guard(home, create=False, wait=False) as inner:
            assert not inner
    with locks.guard(home, create=False, wait=False) as after:
        assert after


def test_absent_guard_is_not_created_by_who_must_not(tmp_path: Path) -> None:
    with locks.guard(str(tmp_path), create=False, wait=True) as entered:
        assert not entered

    assert os.listdir(tmp_path) == []


def test_lock_file_deleted_before_the_flock_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / locks.LOCK_FILE
    flock = fcntl.flock
    deletions = iter([True, True])

    def delete_first(fd: int, operation: int) -> None:
        if operation & fcntl.LOCK_NB and next(deletions, False):
            path.unlink()
        flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", delete_first)

    held = locks.acquire(str(tmp_path))

    assert held is not None
    assert locks.is_named(held.fd, str(path))
    assert locks.acquire(str(tmp_path)) is None
    os.close(held.fd)


def test_lock_file_that_never_stays_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "is_named", lambda fd, path: False)
    before = len(os.listdir("/dev/fd"))

    with pytest.raises(OSError, match="replaced 4 times"):
        locks.acquire(str(tmp_path))

    assert len(os.listdir("/dev/fd")) == before


@pytest.mark.parametrize("name", [locks.LOCK_FILE, locks.GUARD_FILE])
def test_empty_directory_in_the_place_of_a_lock_file_is_removed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()

    held = locks.acquire(str(tmp_path))

    assert held is not None
    os.close(held.fd)
    assert (tmp_path / name).is_file()


@pytest.mark.parametrize("kind", ["full-directory", "link", "fifo"])
def test_anything_else_in_the_place_of_the_lock_is_an_error_and_stays(tmp_path: Path, kind: str) -> None:
    path = tmp_path / locks.LOCK_FILE
    if kind == "full-directory":
        (path / "something").mkdir(parents=True)
    elif kind == "link":
        path.symlink_to("elsewhere")
    else:
        os.mkfifo(path)
    before = path.lstat()

    with pytest.raises(OSError, match=r"not empty|symbolic link|regular file"):
        locks.acquire(str(tmp_path))

    assert path.lstat().st_ino == before.st_ino
    assert not (tmp_path / "elsewhere").exists()
