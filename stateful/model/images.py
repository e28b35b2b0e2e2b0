"""Disk images: the initial contents of the disk, and the machine.

On an odd image the pid in the record, and perhaps more of the record, fits a process that did not write it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from stateful.model.disk import HOME
from stateful.model.hostile import HOSTILE
from stateful.model.machine import (
    BOOT_ID,
    DEAD_PID,
    DEAD_TICKS,
    FIRST_PID,
    HOME_OF_GUEST,
    LIKE_NAMED_HOME,
    MACHINE,
    ROOT,
    SHELL,
    START_TICKS,
    Machine,
    Stranger,
)
from stateful.model.schedule import LETTERS

PID_FILE: Final = f"{HOME}/gateway.pid"
# As ISO 8601: the moment at which every scenario begins, and a day later.
NOW: Final = "2025-06-15T15:06:40+00:00"
TOMORROW: Final = "2025-06-16T15:06:40+00:00"
EVERY_SECOND: Final = LETTERS[1::2]  # B and so on
GATEWAY: Final = ("hermes_cli/main.py", "gateway", "run")

Files = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class DiskImage:
    """The contents of the disk before any process runs, and the machine."""

    name: str
    title: str
    files: Files = ()
    machine: Machine = MACHINE


def record(pid: int = DEAD_PID, start_time: int | None = DEAD_TICKS, **more: Any) -> bytes:
    """A record as gateways have always written it."""
    fields = {"pid": pid, "kind": "hermes-gateway", "argv": list(GATEWAY), "start_time": start_time}
    return json.dumps(fields | more).encode()


def _recorded(**fields: Any) -> Files:
    return ((PID_FILE, record(**fields)),)


def _has_the_pid(start_ticks: int, *argv: str, uid: int = 1000, zombie: bool = False) -> tuple[Stranger, ...]:
    """The stranger that has the pid in the record."""
    return (Stranger(DEAD_PID, start_ticks, argv, uid, zombie=zombie),)


RECORD: Final = record()
POSTGRES: Final = ("/usr/bin/postgres", "-D", "/srv/data")
RECYCLED: Final = DiskImage(
    "recycled-pid", "record of a recycled pid", _recorded(), Machine(_has_the_pid(4000, *POSTGRES))
)

ZOMBIE: Final = DiskImage(
    "zombie",
    "record of a zombie that is not reaped",
    _recorded(),
    Machine(_has_the_pid(DEAD_TICKS, *GATEWAY, zombie=True), reaps=False),
)
LOOKALIKE: Final = DiskImage(
    "lookalike",
    "record of a pid that another home's gateway has",
    _recorded(),
    Machine(_has_the_pid(DEAD_TICKS + 1, *GATEWAY)),
)
OTHERS: Final = DiskImage(
    "others-pid",
    "record of a pid that a process of root has",
    _recorded(),
    Machine(_has_the_pid(4000, "/usr/sbin/sshd", "-D", uid=ROOT)),
)
REBOOTED: Final = DiskImage(
    "rebooted",
    "record from before a reboot, pid and start time are another gateway's now",
    _recorded(boot_id=f"{BOOT_ID}1"),
    Machine(_has_the_pid(DEAD_TICKS, *GATEWAY)),
)
NULL_START: Final = DiskImage(
    "null-start",
    "record of a recycled pid without a start time",
    _recorded(start_time=None),
    # Not a gateway, although the words of one are in its command line.
    Machine(_has_the_pid(4000, "/usr/bin/vim", "gateway/run.py")),
)
NAMELESS: Final = DiskImage(
    "nameless",
    "record of a pid that has no command line, without a start time",
    _recorded(start_time=None),
    Machine(_has_the_pid(4000, "")),
)
OWN_PID: Final = DiskImage(
    "own-pid", "record of A's own pid, a tick off", _recorded(pid=FIRST_PID, start_time=START_TICKS - 1)
)
NULL_OWN_PID: Final = DiskImage(
    "null-own-pid", "record of A's own pid without a start time", _recorded(pid=FIRST_PID, start_time=None)
)
ODD_NAME: Final = DiskImage(
    "odd-name",
    "record of a recycled pid, names with spaces and parentheses",
    # What a reader that splits this stranger's stat line at white space takes for its start time.
    _recorded(start_time=20),
    Machine(
        _has_the_pid(4000, "/opt/python ) b c d", *GATEWAY),
        program=("/opt/my gateways/gate (way) 1", "--verbose"),
    ),
)
CONTAINERS: Final = DiskImage(
    "containers", "record of pid 1, containers share the home", _recorded(pid=1), Machine(containers=True)
)
TWINS: Final = DiskImage(
    "twins",
    "record of pid 1, containers share the home and start in one tick",
    _recorded(pid=1),
    Machine(containers=True, together="AB"),
)
ROOTS: Final = DiskImage("root", "empty disk, A runs as root", machine=Machine(foreign="A"))
THREAD: Final = DiskImage(
    "thread",
    "record of the id of a thread of another home's gateway",
    _recorded(),
    Machine(
        (
            Stranger(DEAD_PID - 1, 4000, GATEWAY),
            Stranger(DEAD_PID, 4000, GATEWAY, process=DEAD_PID - 1),
        )
    ),
)
TWO_HOMES: Final = DiskImage(
    "two-homes", "empty disk, B runs in another home", machine=Machine(homes=EVERY_SECOND)
)
LIKE_NAMED_HOMES: Final = DiskImage(
    "like-named-homes",
    "empty disk, B runs in a home of the same name in another folder",
    machine=Machine(homes=EVERY_SECOND, other=LIKE_NAMED_HOME),
)
TWO_USERS: Final = DiskImage(
    "two-users",
    "empty disk, B runs as another user in that user's home",
    machine=Machine(homes=EVERY_SECOND, other=HOME_OF_GUEST),
)
IN_A_SHELL: Final = DiskImage(
    "in-a-shell", "empty disk, gateways are started in a shell", machine=Machine((SHELL,))
)
ELSEWHERE: Final = DiskImage(
    "elsewhere",
    "empty disk, B starts in another folder with other variables",
    machine=Machine(elsewhere=EVERY_SECOND),
)
WRAPPED: Final = DiskImage(
    "wrapped-pids", "empty disk, pids begin anew after that of A", machine=Machine(wraps=True)
)

GROUP_WRITES: Final = DiskImage("umask-0002", "empty disk, umask 0002", machine=Machine(umask=0o002))

# Not part of ODD: nothing on this disk names a pid.
REUSED: Final = DiskImage(
    "reused-inodes", "empty disk, inode numbers are given again", machine=Machine(reuses_inodes=True)
)


def _marker(**fields: Any) -> bytes:
    """A note that A's end is planned, written by a process that is gone."""
    names_a = {"target_pid": FIRST_PID, "target_start_time": START_TICKS, "replacer_pid": DEAD_PID}
    return json.dumps(names_a | fields).encode()


MARKED: Final = DiskImage(
    "marked",
    "markers that name A, from a dead process and from the future",
    (
        (f"{HOME}/.gateway-planned-stop.json", _marker(written_at=NOW, replacer_start_time=DEAD_TICKS)),
        (f"{HOME}/.gateway-takeover.json", _marker(written_at=TOMORROW)),
    ),
)


def _hostile(name: str) -> DiskImage:
    """An image whose record has a hostile content."""
    return DiskImage(name, f"record with hostile content: {name}", ((PID_FILE, HOSTILE[name](RECORD)),))


HOSTILES: Final = tuple(map(_hostile, ("huge-pid", "minus-one", "not-utf8")))

ODD: Final = (
    *(ZOMBIE, LOOKALIKE, OTHERS, REBOOTED, NULL_START, NAMELESS, OWN_PID, NULL_OWN_PID, ODD_NAME),
    *(CONTAINERS, ROOTS, GROUP_WRITES, MARKED, *HOSTILES, THREAD, TWO_HOMES, LIKE_NAMED_HOMES),
    *(TWO_USERS, IN_A_SHELL, ELSEWHERE, WRAPPED),
)

DISKS: Final = (
    DiskImage("empty", "empty disk"),
    DiskImage("stale", "stale record", ((PID_FILE, RECORD),)),
    DiskImage("empty-file", "empty PID file", ((PID_FILE, b""),)),
    DiskImage("torn-file", "torn record", ((PID_FILE, RECORD[: len(RECORD) // 2]),)),
    RECYCLED,
)
NO_PROC: Final = DiskImage("no-proc", "stale record, no /proc", ((PID_FILE, RECORD),), Machine(proc=False))
