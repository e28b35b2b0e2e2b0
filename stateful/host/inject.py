"""What the world does to a real machine: the faults of the machine, for real if possible.

One function per row of ``model/faults``, as in ``kernel/machine_faults``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from stateful.host import layout
from stateful.kernel.machine_faults import LATER_TICKS
from stateful.model.call import Call, Errno
from stateful.model.clock import MICROSECONDS
from stateful.model.confirmation import Unplayable
from stateful.model.disk import DIARY, HOME, NOWHERE, Disk
from stateful.model.faults import DISK_WELL, FAULTS, LISTING, POWER_LOSS
from stateful.model.hostile import IN_ITS_PLACE
from stateful.model.listing import split_order
from stateful.model.machine import START_TICKS
from stateful.model.schedule import LETTERS, Move
from stateful.model.trace import Step
from stateful.model.usage import data_of, source_of

if TYPE_CHECKING:
    from stateful.host.play import HostPlay

Injection = Callable[["HostPlay", Move, Disk], None]


def inject(play: HostPlay, move: Move, disk: Disk) -> None:
    """Let a fault of the machine happen, which leaves a simulated disk. Raises Unplayable."""
    if move.kind not in INJECTIONS:
        raise _unplayable(move)
    INJECTIONS[move.kind](play, move, disk)


def _unplayable(move: Move) -> Unplayable:
    return Unplayable(f"{move} {FAULTS[move.kind].unplayable}.")


def _recycle(*argv: str) -> Injection:
    """Give a pid to a stranger.

    After a reboot it has the start time of the process that had the pid before, which no host can choose. So
    the records are given the start time of the stranger instead.
    """

    def recycle(play: HostPlay, move: Move, disk: Disk) -> None:
        pid = play.machine.pid(LETTERS.index(move.letter)) if move.letter else int(move.detail)
        index = play.machine.order_of(pid) if play.translation.boots > 1 else None
        same_time = index is not None
        if same_time and play.players.living:
            raise _unplayable(move)
        ticks = LATER_TICKS if index is None else START_TICKS + index
        play.players.recycle(pid, argv, ticks)
        if same_time:
            _lay_out_again(play, disk)

    return recycle


def _reboot(play: HostPlay, _: Move, disk: Disk) -> None:
    play.players.kill_all()
    play.translation.boots += 1
    play.clock = play.clock.rebooted()
    _lay_out_again(play, disk)


def _lay_out_again(play: HostPlay, disk: Disk) -> None:
    layout.clear(play.root)
    layout.lay_out(play.root, disk, play.translation)
    play.agreement.forget_inodes()


def _clock(play: HostPlay, move: Move, _: Disk) -> None:
    play.clock = play.clock.set_by(int(move.detail))


def _suspend(play: HostPlay, move: Move, _: Disk) -> None:
    play.clock = play.clock.after_suspension(int(move.detail))


def _later(play: HostPlay, move: Move, _: Disk) -> None:
    play.clock = play.clock.after(int(move.detail) * MICROSECONDS)


def _listing(play: HostPlay, move: Move, disk: Disk) -> None:
    """The order of a real folder cannot be chosen: its names are put in order when they are listed."""
    folder, order = split_order(move.detail)
    play.orders[play.translation.path(folder)] = play.translation.path(order)


def _deny(play: HostPlay, move: Move, _: Disk) -> None:
    play.denial = FAULTS[move.kind].errno


def _well(play: HostPlay, _: Move, __: Disk) -> None:
    play.denial = None
    for path, found in layout.look(play.root).items():
        if found.kind == "link" and found.content == NOWHERE:
            layout.remove(play.root + path)


def _remove(play: HostPlay, move: Move, _: Disk) -> None:
    layout.remove(f"{play.root}{HOME}/{move.detail}")


def _home_gone(play: HostPlay, _: Move, __: Disk) -> None:
    layout.remove(play.root + HOME)


def _home_new(play: HostPlay, move: Move, disk: Disk) -> None:
    _home_gone(play, move, disk)
    layout.make_folder(play.root + HOME)


def _corrupt(play: HostPlay, move: Move, disk: Disk) -> None:
    name, _, how = move.detail.partition("=")
    path = f"{HOME}/{name}"
    where = play.root + path
    if how == "directory":
        layout.remove(where)
        layout.make_folder(where)
    elif how in IN_ITS_PLACE:
        layout.remove(where)
        os.symlink(os.fsdecode(NOWHERE), where)
    else:
        file = disk.file(path)
        assert file is not None
        layout.write(where, play.translation.to_host(file.content))
        now = play.clock.wall * 1000
        os.utime(where, ns=(now, now))


def _plant(play: HostPlay, move: Move, disk: Disk) -> None:
    where = f"{play.root}{HOME}/{move.detail}"
    layout.remove(where)
    if not os.path.exists(play.root + DIARY):
        file = disk.file(DIARY)
        assert file is not None
        layout.write(play.root + DIARY, play.translation.to_host(file.content))
        now = play.clock.wall * 1000
        os.utime(play.root + DIARY, ns=(now, now))
    os.symlink(play.root + DIARY, where)
    layout.give(where)


INJECTIONS: Final[dict[str, Injection]] = {
    "recycle": _recycle("/usr/bin/postgres", "-D", "/srv/data"),
    "lookalike": _recycle("hermes_cli/main.py", "gateway", "run"),
    "reboot": _reboot,
    POWER_LOSS: _reboot,
    "clock": _clock,
    "suspend": _suspend,
    "later": _later,
    "disk-full": _deny,
    "read-only": _deny,
    DISK_WELL: _well,
    LISTING: _listing,
    "remove": _remove,
    "home-gone": _home_gone,
    "home-new": _home_new,
    "corrupt": _corrupt,
    "plant": _plant,
}


# -- half a write --------------------------------------------------------------------------------------------


def short_size(play: HostPlay, step: Step, call: Call, disk: Disk, pid: int) -> int:
    """How many bytes a real process writes where the simulated one wrote only a part.

    Half of a content of the simulation is not half of the host's, where pids may have more digits: the cut
    is at the same place of the text. ``disk`` is the simulated one before the step. Raises Unplayable.
    """
    assert step.call is not None
    ours, theirs = data_of(step.call), data_of(call)
    if ours is not None and theirs is not None:
        return play.translation.cut(ours, len(ours) // 2, theirs)
    source, position, size = source_of(call)
    link = f"/proc/{pid}/fd/{source}"
    if isinstance(step.answer, Errno) or not step.answer or not os.path.exists(link):
        return size
    where = os.readlink(link).removeprefix(play.root)
    files = {play.translation.path(path): file for path, file in disk.by_path().items()}
    if where not in files:
        raise Unplayable(f"{step.move} cuts a copy short of a file that has no name on the disk.")
    if position is None:
        with open(f"/proc/{pid}/fdinfo/{source}") as info:
            position = int(info.readline().removeprefix("pos:"))
    with open(link, "rb") as file:
        content = file.read()
    begin = _simulated_position(play, files[where].content, position, content)
    end = play.translation.cut(files[where].content, begin + step.answer, content)
    return max(end - position, 1)  # A real number may be shorter; 0 would mean the end of the file.


def _simulated_position(play: HostPlay, simulated: bytes, position: int, real: bytes) -> int:
    """Which position of a simulated content is the same place of the text as one of the host's."""
    places = (at for at in range(1, len(simulated)) if play.translation.cut(simulated, at, real) >= position)
    return next(places, len(simulated)) if position else 0
