"""Each start locks a ticket with the next free number; of the tickets that are locked, the lowest owns."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from itertools import count
from pathlib import Path


def gateway(home: Path, serve: Callable[[], None]) -> None:
    guard = os.open(home / "guard", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(guard, fcntl.LOCK_EX)
    tickets = home / "tickets"
    tickets.mkdir(exist_ok=True)
    mine = take(tickets)
    if next(ticket for ticket in in_order(tickets) if ticket == mine or is_locked(ticket)) == mine:
        os.close(guard)
        serve()


def take(tickets: Path) -> Path:
    for number in count(1):
        ticket = tickets / f"{number:04}"
        try:
            fcntl.flock(os.open(ticket, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), fcntl.LOCK_EX)
        except FileExistsError:
            continue
        return ticket
    raise AssertionError("there is always a higher number")


def in_order(tickets: Path) -> list[Path]:
    return sorted(tickets.iterdir())


def is_locked(ticket: Path) -> bool:
    fd = os.open(ticket, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False
