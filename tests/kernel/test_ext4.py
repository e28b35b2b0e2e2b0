"""The disk of a real ext4 with default options, after some calls, agrees with the model of power loss.

The image under a loop mount is copied while it is mounted, which is what a power loss would leave at that
moment, and then the copy is mounted. This needs root and a loop device, so it runs only if
STATEFUL_LOOP_MOUNTS is set.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

COMMIT_S = 8  # ext4 commits its journal every 5 s

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif("STATEFUL_LOOP_MOUNTS" not in os.environ, reason="STATEFUL_LOOP_MOUNTS is not set"),
]


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-o", "loop", image, folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """The folder of a file system of which ``left`` tells what a power loss would leave."""
    image = tmp_path / "image"
    image.touch()
    os.truncate(image, 64 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    with mounted(image, tmp_path / "disk") as folder:
        yield folder


def left(disk: Path) -> str:
    """What stands on the disk if power is lost now."""
    copy = shutil.copy(disk.with_name("image"), disk.with_name("copy"))
    with mounted(Path(copy), disk.with_name("left")) as folder:
        names = sorted(path for path in folder.iterdir() if path.is_file())
        return " ".join(f"{path.name}={path.read_text().replace(chr(0), '0') or '-'}" for path in names)


def rename_into_place(disk: Path, content: str, *, synced: bool) -> None:
    with open(disk / "g", "w") as file:
        file.write(content)
        file.flush()
        if synced:
            os.fsync(file.fileno())
    os.replace(disk / "g", disk / "f")


def test_unsynced_record_under_a_new_name_is_missing_and_then_empty(disk: Path) -> None:
    subprocess.run(["sync", "-f", disk], check=True)
    rename_into_place(disk, "ab", synced=False)
    assert left(disk) == ""
    time.sleep(COMMIT_S)
    assert left(disk) == "f=-"  # as writeback allows, and ordered does not


def test_unsynced_record_in_the_place_of_another_is_the_old_and_then_the_new_one(disk: Path) -> None:
    (disk / "f").write_text("old")
    subprocess.run(["sync", "-f", disk], check=True)
    rename_into_place(disk, "ab", synced=False)
    assert left(disk) == "f=old"
    time.sleep(COMMIT_S)
    assert left(disk) == "f=ab"  # auto_da_alloc


def test_synced_record_is_whole_under_one_name_or_the_other(disk: Path) -> None:
    rename_into_place(disk, "ab", synced=True)
    assert left(disk) == "g=ab"
    time.sleep(COMMIT_S)
    assert left(disk) == "f=ab"
