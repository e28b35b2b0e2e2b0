"""The record is the name of a folder, which ``mkdir`` creates atomically."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from stateful.subjects.overrides import overrides
from stateful.subjects.variants import links_its_record
from stateful.subjects.variants.links_its_record import gateway, running_pid
from stateful.subjects.variants.record_in_the_lock import Owner

PREFIX = "owner."


@overrides(links_its_record)
def publish(home: Path, owner: Owner) -> None:
    os.mkdir(home / f"{PREFIX}{owner.pid}.{owner.start_time}")


@overrides(links_its_record)
def read(home: Path) -> Owner | None:
    for name in os.listdir(home):
        if name.startswith(PREFIX):
            return Owner(*map(int, name.removeprefix(PREFIX).split(".")))
    return None


@overrides(links_its_record)
def remove(home: Path) -> None:
    owner = read(home)
    if owner is not None:
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(home / f"{PREFIX}{owner.pid}.{owner.start_time}")
