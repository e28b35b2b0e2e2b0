"""Faults of the machine: what the world does to processes and their disk, beside signals.

One function per row of ``model/faults``. Each says what happens, and what is still guaranteed. Always
guaranteed: never two owners, and once the fault has passed, one start alone becomes owner. SIGKILL
(``crash-A``), SIGTERM (``term-A``) and SIGSTOP (``sigstop-A``) are signals like any other: see ``signals``.
Faults of a call are in ``failing_calls``.
"""

from __future__ import annotations

import os
import stat as st
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from stateful.kernel import real
from stateful.kernel.persistence import Persistence, as_disk
from stateful.kernel.restore import restore_disk
from stateful.model.disk import HOME, NOWHERE
from stateful.model.faults import DISK_WELL, POWER_LOSS
from stateful.model.hostile import HOSTILE, IN_ITS_PLACE
from stateful.model.machine import FIRST_PID, START_TICKS, Stranger

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.persistence import Image
    from stateful.kernel.state import SharedState


class Impossible(ValueError):
    """A fault that cannot happen now, and why."""


Injection = Callable[["Kernel", str], None]
INJECTIONS: Final[dict[str, Injection]] = {}


def _fault(name: str) -> Callable[[Injection], Injection]:
    """Register what the fault of a row does."""

    def register(function: Injection) -> Injection:
        INJECTIONS[name] = function
        return function

    return register


def inject(kernel: Kernel, name: str, whom: str) -> None:
    """Let a fault of the machine happen. Raises Impossible."""
    INJECTIONS[name](kernel, whom)


# -- pids and the clock --------------------------------------------------------------------------------------

LATER_TICKS: Final = 900_000  # the start time of a process that gets a pid while the machine runs on


@_fault("recycle")
def _recycle(kernel: Kernel, whom: str) -> None:
    """The pid of a process that has ended goes to a program that is none of ours.

    After a reboot it starts at the very tick, too, at which the process before it did: the worst there is.
    It does not where that process ran before the scenario: its record does not tell the boot, as those of
    older versions do not, and no protocol could tell the two apart. Guaranteed: no signal to it, and no
    waiting for its end.
    """
    _give_pid(kernel, int(whom), ("/usr/bin/postgres", "-D", "/srv/data"))


@_fault("lookalike")
def _lookalike(kernel: Kernel, whom: str) -> None:
    """The pid of a process that has ended goes to a gateway of another home.

    Guaranteed: as by ``recycle``.
    """
    _give_pid(kernel, int(whom), ("hermes_cli/main.py", "gateway", "run"))


def _give_pid(kernel: Kernel, pid: int, argv: tuple[str, ...]) -> None:
    if kernel.find(pid) is not None:
        raise Impossible(f"pid {pid} is taken")
    ticks = START_TICKS + pid - FIRST_PID if kernel.boots > 1 and pid >= FIRST_PID else LATER_TICKS
    kernel.admit(Stranger(pid, ticks, argv))


@_fault("reboot")
def _reboot(kernel: Kernel, _: str) -> None:
    """All processes are killed at once; the disk is as it was; the machine's boot id is new.

    Pids may come back, with the start times of before: ``recycle``. Guaranteed: no process is taken for the
    one that had its pid before.
    """
    kernel.reboot()


@_fault("clock")
def _clock(kernel: Kernel, seconds: str) -> None:
    """The wall clock is set some seconds ahead or back; the monotonic one goes on.

    Guaranteed: nothing lasts longer for it than its own time to live, and no process loses ownership.
    """
    kernel.skew += int(seconds) * 1_000_000


@_fault("suspend")
def _suspend(kernel: Kernel, seconds: str) -> None:
    """All processes stop for some seconds, and go on; the monotonic clock stands still meanwhile.

    The wall clock and that of ``CLOCK_BOOTTIME`` go on. Who sleeps, sleeps as long as it had to before.
    Guaranteed: as by ``clock``.
    """
    kernel.skew += int(seconds) * 1_000_000
    kernel.suspended += int(seconds) * 1_000_000


# -- a failing disk ------------------------------------------------------------------------------------------


@_fault("disk-full")
def _full(kernel: Kernel, _: str) -> None:
    """From now on nothing can be written and no name be made: ENOSPC.

    Guaranteed meanwhile: an error that is documented, nothing lost that stood there.
    """
    kernel.condition = "full"


@_fault("read-only")
def _read_only(kernel: Kernel, _: str) -> None:
    """From now on nothing on the disk can be changed: EROFS. Guaranteed: as by ``disk-full``."""
    kernel.condition = "read-only"


@_fault(DISK_WELL)
def _well(kernel: Kernel, _: str) -> None:
    """The disk is neither full nor read-only any more, and links to nowhere are taken away.

    Guaranteed: everything, with no help.
    """
    kernel.condition = ""
    for path, file in kernel.disk().by_path().items():
        if file.kind == "link" and file.content == NOWHERE:
            _take_away(kernel, path)


# -- tampering -----------------------------------------------------------------------------------------------


@_fault("remove")
def _remove(kernel: Kernel, name: str) -> None:
    """An operator removes one file of the home.

    A process that has it open goes on with it: its inode lives until the last descriptor is closed.

    Guaranteed: never two owners, so what the file was good for must not rest on it alone. Not guaranteed:
    that a query finds the owner whose record was removed.
    """
    path = f"{HOME}/{name}"
    if kernel.disk().file(path) is None:
        raise Impossible(f"there is no {name}")
    _take_away(kernel, path)


@_fault("home-gone")
def _home_gone(kernel: Kernel, _: str) -> None:
    """The home is removed with all that is in it. Guaranteed: the next start makes it again.

    A process that owned it goes on without a home, which is not counted as owning any more.
    """
    if kernel.disk().file(HOME) is not None:
        _take_away(kernel, HOME)


@_fault("home-new")
def _home_new(kernel: Kernel, whom: str) -> None:
    """The home is put aside, and a new, empty one is in its place. Guaranteed: one start in it owns."""
    _home_gone(kernel, whom)
    kernel.make_home()


@_fault("corrupt")
def _corrupt(kernel: Kernel, what: str) -> None:
    """Other bytes stand in a file than any process wrote, or a directory or a dangling link in its place.

    Guaranteed: no error that is not documented, and never two owners. Not guaranteed: that a query finds the
    owner whose record it was; that any start becomes owner while a link stands there, since no process can
    remove a link without the danger of removing the file that another one has just put in its place.
    """
    name, _, how = what.partition("=")
    path = f"{HOME}/{name}"
    folder = kernel.disk().file(path.rpartition("/")[0])
    if folder is None or folder.kind != "dir":
        raise Impossible(f"there is no folder in which {name} could be")
    before = kernel.disk().file(path)
    if how in IN_ITS_PLACE:
        _put_in_place(kernel, path, how)
        return
    if before is not None and before.kind != "file":
        raise Impossible(f"{name} is no file")
    content = (
        bytes.fromhex(how[2:]) if how.startswith("0x") else HOSTILE[how](before.content if before else b"")
    )
    _overwrite(kernel, path, content)


def _take_away(kernel: Kernel, path: str) -> None:
    """Take a name away, and a folder with everything in it."""
    for inside in reversed(kernel.disk().by_path()):
        if inside == path or inside.startswith(f"{path}/"):
            where = kernel.root + inside
            loser = real.lstat(where)
            (real.rmdir if st.S_ISDIR(loser.st_mode) else real.unlink)(where)
            kernel.lost_a_name(loser)
    kernel.changed()


def _overwrite(kernel: Kernel, path: str, content: bytes) -> None:
    """Put other bytes into a file, which stays the same file; make one where there is none."""
    fd = real.open(kernel.root + path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    real.write(fd, content)
    inode = kernel.inode(real.fstat(fd).st_ino)
    inode.writer, inode.mtime = None, kernel.now
    real.close(fd)
    kernel.named(path)
    kernel.changed()


def _put_in_place(kernel: Kernel, path: str, kind: str) -> None:
    """Put a folder or a dangling link in the place of a file."""
    _take_away(kernel, path)
    where = kernel.root + path
    if kind == "directory":
        real.mkdir(where, 0o700)
    else:
        real.symlink(os.fsdecode(NOWHERE), where)
        kernel.has_links()
    kernel.inode(real.lstat(where).st_ino).mode = 0o700
    kernel.named(path)
    kernel.changed()


# -- a power loss --------------------------------------------------------------------------------------------


@_fault(POWER_LOSS)
def _power_loss(kernel: Kernel, which: str) -> None:
    """All processes are killed at once, and of the disk is left what the power loss leaves of it.

    ``power-loss-writeback-3`` leaves the third of the images that the profile ``writeback`` allows then: see
    ``persistence``. The machine boots again. Once is enough: nothing is kept track of after that. Guaranteed:
    one start alone becomes owner, and no error that is not documented.
    """
    image = image_left(kernel.follow(), which)
    if image is None:
        raise Impossible("there is no such image here; power is lost once, in scenarios of which it is said")
    lose_power(kernel, image)


def image_left(persistence: Persistence | None, which: str) -> Image | None:
    """The image that ``writeback-3`` names, if there is one."""
    profile, number = which.split("-")
    images = persistence.images(profile).listed if persistence is not None else ()
    return images[int(number) - 1] if int(number) <= len(images) else None


def lose_power(kernel: Kernel, image: Image) -> None:
    """Kill all processes, leave an image of the disk, and start the machine again."""
    kernel.reboot()
    disk = as_disk(image, kernel.now)
    restore_disk(kernel, disk)
    kernel.remember_disk(disk)
    kernel.persistence, kernel.labels = None, 0


def after_power_loss(shared: SharedState, which: str) -> SharedState | None:
    """The state in which ``lose_power`` leaves a kernel; None where there is no such image.

    For the search, which would else write thousands of disks that no two starts can tell apart.
    """
    image = image_left(shared.persistence, which)
    if image is None:
        return None
    return shared._replace(
        disk=as_disk(image, shared.clock + shared.skew),
        table=(),
        opens=(),
        flocks=(),
        record_locks=(),
        labels=0,
        strangers=(),
        boots=shared.boots + 1,
        persistence=None,
    )
