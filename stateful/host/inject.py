"""What the world does to a real machine: the faults of the machine, for real if possible.

One function per row of ``model/faults``, as in ``kernel/machine_faults``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from stateful.host import layout
from stateful.kernel.machine_faults import LATER_TICKS
from stateful.model.confirmation import Unplayable
from stateful.model.disk import HOME, NOWHERE, Disk
from stateful.model.faults import DISK_WELL, FAULTS, POWER_LOSS
from stateful.model.hostile import IN_ITS_PLACE
from stateful.model.machine import FIRST_PID, START_TICKS
from stateful.model.schedule import LETTERS, Move

if TYPE_CHECKING:
    from stateful.host.play import Stage

Injection = Callable[["Stage", Move, Disk], None]


def strike(stage: Stage, move: Move, disk: Disk) -> None:
    """Let a fault of the machine happen, which leaves a simulated disk. Raises Unplayable."""
    INJECTIONS[move.kind](stage, move, disk)


def _recycle(*argv: str) -> Injection:
    """Give a pid to a stranger.

    After a reboot it has the start time of the process that had the pid before, which no host can choose. So
    the records are given the start time of the stranger instead.
    """

    def inject(stage: Stage, move: Move, disk: Disk) -> None:
        pid = FIRST_PID + LETTERS.index(move.letter) if move.letter else int(move.detail)
        same_time = stage.translation.boots > 1 and pid >= FIRST_PID
        if same_time and stage.troupe.players:
            raise Unplayable(f"{move} {FAULTS[move.kind].unplayable}.")
        ticks = START_TICKS + pid - FIRST_PID if same_time else LATER_TICKS
        stage.troupe.recycle(pid, argv, ticks)
        if same_time:
            _lay_out_again(stage, disk)

    return inject


def _reboot(stage: Stage, _: Move, disk: Disk) -> None:
    stage.troupe.kill_all()
    stage.translation.boots += 1
    _lay_out_again(stage, disk)


def _lay_out_again(stage: Stage, disk: Disk) -> None:
    layout.clear(stage.root)
    layout.lay_out(stage.root, disk, stage.translation, stage.clock + stage.skew)
    stage.agreement.forget_inodes()


def _clock(stage: Stage, move: Move, _: Disk) -> None:
    stage.skew += int(move.detail) * 1_000_000


def _deny(stage: Stage, move: Move, _: Disk) -> None:
    stage.denial = FAULTS[move.kind].errno


def _well(stage: Stage, _: Move, __: Disk) -> None:
    stage.denial = None
    for path, found in layout.look(stage.root).items():
        if found.kind == "link" and found.content == NOWHERE:
            layout.remove(stage.root + path)


def _remove(stage: Stage, move: Move, _: Disk) -> None:
    layout.remove(f"{stage.root}{HOME}/{move.detail}")


def _home_gone(stage: Stage, _: Move, __: Disk) -> None:
    layout.remove(stage.root + HOME)


def _home_new(stage: Stage, move: Move, disk: Disk) -> None:
    _home_gone(stage, move, disk)
    layout.make_folder(stage.root + HOME)


def _corrupt(stage: Stage, move: Move, disk: Disk) -> None:
    name, _, how = move.detail.partition("=")
    path = f"{HOME}/{name}"
    where = stage.root + path
    if how == "directory":
        layout.remove(where)
        layout.make_folder(where)
    elif how in IN_ITS_PLACE:
        layout.remove(where)
        os.symlink(os.fsdecode(NOWHERE), where)
    else:
        file = disk.file(path)
        assert file is not None
        layout.write(where, stage.translation.to_host(file.content))
        now = (stage.clock + stage.skew) * 1000
        os.utime(where, ns=(now, now))


INJECTIONS: Final[dict[str, Injection]] = {
    "recycle": _recycle("/usr/bin/postgres", "-D", "/srv/data"),
    "lookalike": _recycle("hermes_cli/main.py", "gateway", "run"),
    "reboot": _reboot,
    POWER_LOSS: _reboot,
    "clock": _clock,
    "disk-full": _deny,
    "read-only": _deny,
    DISK_WELL: _well,
    "remove": _remove,
    "home-gone": _home_gone,
    "home-new": _home_new,
    "corrupt": _corrupt,
}
