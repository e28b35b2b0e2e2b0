"""What the world does to a real machine: the faults of ``stateful.kernel.faults``, for real if possible."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from stateful.host import layout
from stateful.kernel.faults import LATER_TICKS
from stateful.model.confirmation import Unplayable
from stateful.model.disk import HOME, NOWHERE, Disk
from stateful.model.hostile import IN_ITS_PLACE
from stateful.model.machine import FIRST_PID, START_TICKS
from stateful.model.schedule import LETTERS, Move

if TYPE_CHECKING:
    from stateful.host.play import Stage

CONDITIONS: Final = {"disk-full": errno.ENOSPC, "read-only": errno.EROFS, "disk-well": None}
_STRANGERS: Final = {
    "recycle": ("/usr/bin/postgres", "-D", "/srv/data"),
    "lookalike": ("hermes_cli/main.py", "gateway", "run"),
}


def strike(stage: Stage, move: Move, disk: Disk) -> None:
    """Let a fault of the machine happen, which leaves a simulated disk. Raises Unplayable."""
    home = stage.root + HOME
    if move.kind in _STRANGERS:
        _recycle(stage, move, disk)
    elif move.kind in ("reboot", "power-loss"):
        stage.troupe.kill_all()
        stage.translation.boots += 1
        _lay_out_again(stage, disk)
    elif move.kind == "clock":
        stage.skew += int(move.detail) * 1_000_000
    elif move.kind in CONDITIONS:
        stage.denial = CONDITIONS[move.kind]
        if stage.denial is None:
            _take_links_away(stage)
    elif move.kind == "remove":
        layout.remove(f"{home}/{move.detail}")
    elif move.kind in ("home-gone", "home-new"):
        layout.remove(home)
        if move.kind == "home-new":
            layout.make_folder(home)
    elif move.kind == "corrupt":
        _corrupt(stage, move.detail, disk)
    else:
        raise Unplayable(f"{move} is known to the simulation alone.")


def _recycle(stage: Stage, move: Move, disk: Disk) -> None:
    """Give a pid to a stranger.

    After a reboot it has the start time of who had the pid before, which no host can choose. So the records
    are given the start time of the stranger instead.
    """
    pid = FIRST_PID + LETTERS.index(move.letter) if move.letter else int(move.detail)
    same_time = stage.translation.boots > 1 and pid >= FIRST_PID
    if same_time and stage.troupe.players:
        raise Unplayable(
            f"{move} gives a process the start time of one before the reboot, while others may know it."
        )
    stage.troupe.recycle(
        pid, _STRANGERS[move.kind], START_TICKS + pid - FIRST_PID if same_time else LATER_TICKS
    )
    if same_time:
        _lay_out_again(stage, disk)


def _lay_out_again(stage: Stage, disk: Disk) -> None:
    layout.clear(stage.root)
    layout.lay_out(stage.root, disk, stage.translation, stage.clock + stage.skew)
    stage.agreement.forget_inodes()


def _take_links_away(stage: Stage) -> None:
    for path, found in layout.look(stage.root).items():
        if found.kind == "link" and found.content == NOWHERE:
            layout.remove(stage.root + path)


def _corrupt(stage: Stage, what: str, disk: Disk) -> None:
    name, _, how = what.partition("=")
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
