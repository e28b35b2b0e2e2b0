"""The record is written to a temporary file and published by a hard link, under a lock for the claim."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from stateful.subjects.variants.record_in_the_lock import Owner, start_time


def gateway(home: Path, serve: Callable[[], None]) -> None:
    guard = os.open(home / "guard", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(guard, fcntl.LOCK_EX)
    if running_pid(home) is not None:
        return
    remove(home)
    publish(home, Owner(os.getpid(), start_time(os.getpid()) or 0))
    os.close(guard)
    serve()
    remove(home)


def running_pid(home: Path, *, clean_up: bool = True) -> int | None:
    owner = read(home)
    return owner.pid if owner is not None and start_time(owner.pid) == owner.start_time else None


def publish(home: Path, owner: Owner) -> None:
    aside = home / f"owner.{owner.pid}"
    aside.write_text(f"{owner.pid} {owner.start_time}")
    os.link(aside, home / "owner")
    aside.unlink()


def read(home: Path) -> Owner | None:
    try:
        return Owner(*map(int, (home / "owner").read_text().split()))
    except FileNotFoundError:
        return None


def remove(home: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        (home / "owner").unlink()
