"""Faults of the machine: what the world does to processes and their disk, beside signals.

Each says what happens, and what a correct protocol still owes. Always owed: never two owners, and once the
fault has passed, one start alone becomes owner. SIGKILL (``crash-A``), SIGTERM (``term-A``) and SIGSTOP
(``sigstop-A``) are signals like any other: see ``signals``. Faults of a call are in ``call_faults``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from stateful.kernel import disk_faults
from stateful.kernel.power import image_left, lose_power
from stateful.model.disk import HOME
from stateful.model.faults import POWER_LOSS
from stateful.model.hostile import HOSTILE, IN_ITS_PLACE
from stateful.model.machine import FIRST_PID, START_TICKS, Stranger

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel


class Impossible(ValueError):
    """A fault that cannot happen now, and why."""


Strike = Callable[["Kernel", str], None]
STRIKES: Final[dict[str, Strike]] = {}


def _strike(name: str) -> Callable[[Strike], Strike]:
    """Register what the fault of a row does."""

    def register(function: Strike) -> Strike:
        STRIKES[name] = function
        return function

    return register


def strike(kernel: Kernel, name: str, whom: str) -> None:
    """Let a fault of the machine happen. Raises Impossible."""
    STRIKES[name](kernel, whom)


LATER_TICKS: Final = 900_000  # the start time of who gets a pid while the machine runs on


@_strike("recycle")
def _recycle(kernel: Kernel, whom: str) -> None:
    """The pid of a process that has ended goes to a program that is none of ours.

    After a reboot it starts at the very tick, too, at which the process before it did: the worst there is.
    It does not where that process ran before the scenario: its record does not tell the boot, as those of
    older versions do not, and no protocol could tell the two apart. Owed: no signal to it, and no waiting
    for its end.
    """
    _give_pid(kernel, int(whom), ("/usr/bin/postgres", "-D", "/srv/data"))


@_strike("lookalike")
def _lookalike(kernel: Kernel, whom: str) -> None:
    """The pid of a process that has ended goes to a gateway of another home. Owed: as by ``recycle``."""
    _give_pid(kernel, int(whom), ("hermes_cli/main.py", "gateway", "run"))


def _give_pid(kernel: Kernel, pid: int, argv: tuple[str, ...]) -> None:
    if kernel.find(pid) is not None:
        raise Impossible(f"pid {pid} is taken")
    ticks = START_TICKS + pid - FIRST_PID if kernel.boots > 1 and pid >= FIRST_PID else LATER_TICKS
    kernel.admit(Stranger(pid, ticks, argv))


@_strike("reboot")
def _reboot(kernel: Kernel, _: str) -> None:
    """Everybody is killed at once; the disk is as it was; the machine's boot id is new.

    Pids may come back, with the start times of before: ``recycle``. Owed: nobody is taken for who had their
    pid before.
    """
    kernel.reboot()


@_strike(POWER_LOSS)
def _power_loss(kernel: Kernel, which: str) -> None:
    """Everybody is killed at once, and of the disk that is left which the power loss leaves of it.

    ``power-loss-writeback-3`` leaves the third of the images that the profile ``writeback`` allows then: see
    ``persistence``. The machine boots again. Once is enough: nothing is kept track of after that. Owed: one
    start alone becomes owner, and no error that is not documented.
    """
    image = image_left(kernel.follow(), which)
    if image is None:
        raise Impossible("there is no such image here; power is lost once, in scenarios of which it is said")
    lose_power(kernel, image)


@_strike("clock")
def _clock(kernel: Kernel, seconds: str) -> None:
    """The wall clock is set some seconds ahead or back; the monotonic one goes on.

    Owed: nothing lasts longer for it than its own time to live, and nobody loses ownership.
    """
    kernel.skew += int(seconds) * 1_000_000


@_strike("disk-full")
def _full(kernel: Kernel, _: str) -> None:
    """From now on nothing can be written and no name be made: ENOSPC.

    Owed meanwhile: an error that is documented, nothing lost that stood there.
    """
    kernel.condition = "full"


@_strike("read-only")
def _read_only(kernel: Kernel, _: str) -> None:
    """From now on nothing on the disk can be changed: EROFS. Owed: as by ``disk-full``."""
    kernel.condition = "read-only"


@_strike("disk-well")
def _well(kernel: Kernel, _: str) -> None:
    """The disk is neither full nor read-only any more, and links to nowhere are taken away.

    Owed: everything, without anybody's help.
    """
    kernel.condition = ""
    disk_faults.take_links_away(kernel)


@_strike("remove")
def _remove(kernel: Kernel, name: str) -> None:
    """An operator removes one file of the home; who has it open goes on with what they have.

    Owed: never two owners, so what the file was good for must not rest on it alone. Not owed: that a query
    finds the owner whose record was removed.
    """
    path = f"{HOME}/{name}"
    if kernel.disk().file(path) is None:
        raise Impossible(f"there is no {name}")
    disk_faults.remove(kernel, path)


@_strike("home-gone")
def _home_gone(kernel: Kernel, _: str) -> None:
    """The home is removed with all that is in it. Owed: that it is made again by the next start.

    Who owned it goes on in nobody's home, which is not counted as owning any more.
    """
    if kernel.disk().file(HOME) is not None:
        disk_faults.remove(kernel, HOME)


@_strike("home-new")
def _home_new(kernel: Kernel, whom: str) -> None:
    """The home is put aside, and a new, empty one is in its place. Owed: one start in it becomes owner."""
    _home_gone(kernel, whom)
    disk_faults.make_home(kernel)


@_strike("corrupt")
def _corrupt(kernel: Kernel, what: str) -> None:
    """Other bytes stand in a file than anybody wrote, or a directory or a dangling link in its place.

    Owed: no error that is not documented, and never two owners. Not owed: that a query finds the owner whose
    record it was; that anybody becomes owner while a link stands there, since nobody can remove a link
    without the danger of removing the file that somebody has just put in its place.
    """
    name, _, how = what.partition("=")
    path = f"{HOME}/{name}"
    if kernel.disk().file(HOME) is None:
        raise Impossible("there is no home")
    before = kernel.disk().file(path)
    if how in IN_ITS_PLACE:
        disk_faults.put_in_place(kernel, path, how)
        return
    if before is not None and before.kind != "file":
        raise Impossible(f"{name} is no file")
    content = (
        bytes.fromhex(how[2:]) if how.startswith("0x") else HOSTILE[how](before.content if before else b"")
    )
    disk_faults.overwrite(kernel, path, content)
