"""The record is the target of a dangling symbolic link, as some browsers and editors do it."""

from __future__ import annotations

import os
from pathlib import Path

from stateful.subjects.overrides import overrides
from stateful.subjects.variants import links_its_record
from stateful.subjects.variants.links_its_record import gateway, running_pid
from stateful.subjects.variants.record_in_the_lock import Owner


@overrides(links_its_record)
def publish(home: Path, owner: Owner) -> None:
    os.symlink(f"{owner.pid}.{owner.start_time}", home / "owner")


@overrides(links_its_record)
def read(home: Path) -> Owner | None:
    try:
        return Owner(*map(int, os.readlink(home / "owner").split(".")))
    except FileNotFoundError:
        return None
