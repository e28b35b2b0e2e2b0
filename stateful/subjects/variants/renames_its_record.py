"""Under the lock the record is renamed into place, over any old one; no process ever removes it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from stateful.subjects.variants.record_in_the_lock import Owner, lock, open_lock, start_time


def gateway(home: Path, serve: Callable[[], None]) -> None:
    if not lock(open_lock(home / "gateway.lock")):
        return
    new = home / f"record.{os.getpid()}"
    new.write_text(f"{os.getpid()} {start_time(os.getpid())}")
    new.rename(home / "record")
    serve()


def running_pid(home: Path, *, clean_up: bool = True) -> int | None:
    try:
        owner = Owner(*map(int, (home / "record").read_text().split()))
    except FileNotFoundError:
        return None
    return owner.pid if start_time(owner.pid) == owner.start_time else None
