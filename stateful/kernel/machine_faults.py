"""Faults of the machine: what the world does to processes and their disk, beside signals.

One function per row of ``model/faults``. Each says what happens, and what is still guaranteed. Always
guaranteed: there are never two owners, and after the fault, one start alone becomes owner. SIGKILL
(``crash-A``), SIGTERM and SIGSTOP are signals: see ``signals``; faults of a call are in ``failing_calls``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from stateful.kernel import real
from stateful.kernel.names import choose_order
from stateful.kernel.persistence import Persistence, as_disk
from stateful.kernel.restore import restore_disk
from stateful.kernel.status import MICROSECOND, now
from stateful.kernel.tampering import overwrite, put_in_place, remove_path
from stateful.model.clock import MICROSECONDS
from stateful.model.disk import DIARY, EMPTY_LINE, HOME, NO_DISK, NOWHERE
from stateful.model.faults import DISK_WELL, LISTING, POWER_LOSS
from stateful.model.hostile import HOSTILE, IN_ITS_PLACE
from stateful.model.listing import split_order
from stateful.model.machine import SHELL, START_TICKS, Stranger

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.persistence import Image
    from stateful.kernel.state import SharedState


class Impossible(ValueError):
    """A fault that cannot happen now; the message says why."""


Injection = Callable[["Kernel", str], None]
INJECTIONS: Final[dict[str, Injection]] = {}


def _fault(name: str) -> Callable[[Injection], Injection]:
    """Register a function as the implementation of the fault of a row."""

    def register(function: Injection) -> Injection:
        INJECTIONS[name] = function
        return function

    return register


def inject(kernel: Kernel, name: str, detail: str) -> None:
    """Inject a fault of the machine; ``detail`` is its pid, file or the like. Raises Impossible."""
    INJECTIONS[name](kernel, detail)


# -- pids and the clock

LATER_TICKS: Final = 5400  # the start time of a process that gets a pid while the machine runs on


@_fault("recycle")
def _recycle(kernel: Kernel, pid: str) -> None:
    """The pid of a process that has ended goes to a stranger that runs another program.

    After a reboot the stranger also gets the start time of the ended process, which is the worst case. It
    does not if that process ran before the scenario: its record does not name the boot, like records of older
    versions, and no protocol could tell the two apart. Guaranteed: no process signals the stranger or waits
    for its end.
    """
    _give_pid(kernel, int(pid), ("/usr/bin/postgres", "-D", "/srv/data"))


@_fault("lookalike")
def _lookalike(kernel: Kernel, pid: str) -> None:
    """The pid of a process that has ended goes to a gateway of another home.

    Guaranteed: as with ``recycle``.
    """
    _give_pid(kernel, int(pid), ("hermes_cli/main.py", "gateway", "run"))


def _give_pid(kernel: Kernel, pid: int, argv: tuple[str, ...]) -> None:
    if kernel.find(pid) is not None:
        raise Impossible(f"pid {pid} is taken")
    index = kernel.machine.order_of(pid) if kernel.boots > 1 else None
    kernel.admit(Stranger(pid, LATER_TICKS if index is None else START_TICKS + index, argv))


@_fault("parent-gone")
def _end_parent(kernel: Kernel, _: str) -> None:
    """The shell ends in which the processes of the subject were started, and init is their parent.

    Guaranteed: everything.
    """
    if kernel.strangers.pop((SHELL.pid, ""), None) is None:
        raise Impossible("no shell is left in which the gateways were started")


@_fault("reboot")
def _reboot(kernel: Kernel, _: str) -> None:
    """All processes are killed at once; the disk stays as it was; the boot id is new.

    Pids may be given again, with the same start times: see ``recycle``. Guaranteed: no process is mistaken
    for an earlier one with the same pid.
    """
    kernel.reboot()


@_fault("clock")
def _clock(kernel: Kernel, seconds: str) -> None:
    """The wall clock is set some seconds ahead or back; the monotonic clock goes on.

    Guaranteed: nothing outlasts its own time to live because of it, and no process loses ownership.
    """
    kernel.clock = kernel.clock.set_by(int(seconds))


@_fault("suspend")
def _suspend(kernel: Kernel, seconds: str) -> None:
    """All processes stop for some seconds, and go on; the monotonic clock stands still meanwhile.

    The wall clock and that of ``CLOCK_BOOTTIME`` go on. A process that sleeps has as long to sleep as before.
    Guaranteed: as by ``clock``.
    """
    kernel.clock = kernel.clock.after_suspension(int(seconds))


@_fault("later")
def _later(kernel: Kernel, seconds: str) -> None:
    """Some seconds pass while owners serve and nothing else happens.

    Guaranteed: everything; an owner stays the owner, however long it owns.
    """
    kernel.clock = kernel.clock.after(int(seconds) * MICROSECONDS)


# -- a failing disk


@_fault("disk-full")
def _full(kernel: Kernel, _: str) -> None:
    """From now on nothing can be written and no name can be made: ENOSPC.

    Guaranteed meanwhile: only documented errors, and no loss of existing content.
    """
    kernel.condition = "full"


@_fault("read-only")
def _read_only(kernel: Kernel, _: str) -> None:
    """From now on nothing on the disk can be changed: EROFS. Guaranteed: as with ``disk-full``."""
    kernel.condition = "read-only"


@_fault(DISK_WELL)
def _well(kernel: Kernel, _: str) -> None:
    """The disk is no longer full or read-only, and links to nowhere are removed.

    Guaranteed: everything, without help from an operator.
    """
    kernel.condition = ""
    for path, file in kernel.disk().by_path().items():
        if file.kind == "link" and file.content == NOWHERE:
            remove_path(kernel, path)


@_fault(LISTING)
def _listing(kernel: Kernel, detail: str) -> None:
    """A folder has another order of its names than the sorted one: see ``model/listing``.

    It keeps that order, and must not have listed two names yet. Guaranteed: everything.
    """
    if not choose_order(kernel, *split_order(detail)):
        raise Impossible("there is no such folder, or its order is known already")


# -- tampering


@_fault("remove")
def _remove(kernel: Kernel, name: str) -> None:
    """An operator removes one file of the home.

    A process that has it open goes on with it: its inode lives until the last descriptor is closed.

    Guaranteed: never two owners, so exclusion must not rest on one file alone. Not guaranteed: that a query
    finds the owner whose record was removed.
    """
    path = f"{HOME}/{name}"
    if kernel.disk().file(path) is None:
        raise Impossible(f"there is no {name}")
    remove_path(kernel, path)


@_fault("home-gone")
def _home_gone(kernel: Kernel, _: str) -> None:
    """The home is removed with everything in it. Guaranteed: the next start makes it again.

    A process that owned it goes on without a home, and no longer counts as owner.
    """
    if kernel.disk().file(HOME) is not None:
        remove_path(kernel, HOME)


@_fault("home-new")
def _home_new(kernel: Kernel, detail: str) -> None:
    """The home is replaced by a new, empty one. Guaranteed: one start in it becomes owner."""
    _home_gone(kernel, detail)
    kernel.make_folder(HOME)


@_fault("corrupt")
def _corrupt(kernel: Kernel, what: str) -> None:
    """A file gets content that no process wrote, or is replaced by a directory or a dangling link.

    Guaranteed: only documented errors, and never two owners. Not guaranteed: that a query finds the owner
    whose record it was; that a start becomes owner while a link is there, since a process that removes the
    link risks removing the file by which another process has just replaced it.
    """
    name, _, how = what.partition("=")
    path = f"{HOME}/{name}"
    folder = kernel.disk().file(path.rpartition("/")[0])
    if folder is None or folder.kind != "dir":
        raise Impossible(f"there is no folder in which {name} could be")
    before = kernel.disk().file(path)
    if how in IN_ITS_PLACE:
        put_in_place(kernel, path, how)
        return
    if before is not None and before.kind != "file":
        raise Impossible(f"{name} is no file")
    content = (
        bytes.fromhex(how[2:]) if how.startswith("0x") else HOSTILE[how](before.content if before else b"")
    )
    overwrite(kernel, path, content)


@_fault("plant")
def _plant(kernel: Kernel, name: str) -> None:
    """While no process lives, a person puts a link in the place of a file, to another file of the user.

    That has the same content, so that who reads it learns nothing new; but it is not empty.

    Guaranteed: that file keeps its content, its mode and its name; never two owners; no undocumented error
    but an OSError; no signal to a stranger. Not guaranteed: that a start becomes owner.
    """
    path = f"{HOME}/{name}"
    file = kernel.disk().file(path)
    if file is None or file.kind != "file":
        raise Impossible(f"there is no file {name}")
    if any(process.alive for process in kernel.processes.values()):
        raise Impossible("a process lives, whose file this may be")
    remove_path(kernel, path)
    if kernel.disk().file(DIARY) is None:
        overwrite(kernel, DIARY, file.content or EMPTY_LINE)
    _link(kernel, path, DIARY)


def _link(kernel: Kernel, path: str, target: str) -> None:
    """Put a link of the user in an empty place."""
    real.symlink(kernel.root + target if target.startswith("/") else target, kernel.root + path)
    kernel.has_links()
    kernel.inode(real.lstat(kernel.root + path).st_ino).mode = 0o777
    kernel.named(path)
    kernel.changed()


# -- a power loss


@_fault(POWER_LOSS)
def _power_loss(kernel: Kernel, which: str) -> None:
    """All processes are killed at once, and the disk becomes an image that a power loss may leave.

    ``power-loss-writeback-3`` leaves the third of the images that the profile ``writeback`` allows then: see
    ``persistence``. The machine boots again. Power is lost only once: images are not tracked after that.
    Guaranteed: one start alone becomes owner, and only documented errors.
    """
    image = image_left(kernel.follow(), which)
    if image is None:
        raise Impossible("there is no such image here; power is lost only once, in scenarios that plan it")
    lose_power(kernel, image)


def image_left(persistence: Persistence | None, which: str) -> Image | None:
    """The image that ``writeback-3`` names, if there is one."""
    profile, number = which.split("-")
    images = persistence.images(profile).listed if persistence is not None else ()
    return images[int(number) - 1] if int(number) <= len(images) else None


def lose_power(kernel: Kernel, image: Image) -> None:
    """Kill all processes, leave an image of the disk, and start the machine again."""
    kernel.reboot()
    disk = as_disk(image, now(kernel), dated=kernel.dated)
    restore_disk(kernel, disk)
    kernel.remember_disk(disk)
    kernel.persistence, kernel.labels = None, 0


def after_power_loss(shared: SharedState, which: str, *, dated: bool) -> SharedState | None:
    """The state of a kernel after ``lose_power``; None if there is no such image.

    The search uses it, since it would otherwise write thousands of disks that no two starts can tell apart.
    """
    image = image_left(shared.persistence, which)
    if image is None:
        return None
    left = machine_left(shared)
    return left._replace(disk=as_disk(image, left.clock.wall * MICROSECOND, dated=dated))


def machine_left(shared: SharedState) -> SharedState:
    """What a power loss leaves of a state beside the disk: nothing that was running."""
    return shared._replace(
        disk=NO_DISK,
        table=(),
        opens=(),
        flocks=(),
        record_locks=(),
        clock=shared.clock.rebooted(),
        labels=0,
        strangers=(),
        boots=shared.boots + 1,
        persistence=None,
    )
