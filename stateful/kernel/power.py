"""A power loss: what becomes of the machine, as a value, and as a kernel that is brought there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stateful.kernel.persistence import Persistence, as_disk
from stateful.kernel.restore import restore_disk

if TYPE_CHECKING:
    from stateful.kernel.kernel import Kernel
    from stateful.kernel.persistence import Image
    from stateful.kernel.state import SharedState


def image_left(persistence: Persistence | None, which: str) -> Image | None:
    """The image that ``writeback-3`` names, if there is one."""
    profile, number = which.split("-")
    images = persistence.images(profile).listed if persistence is not None else ()
    return images[int(number) - 1] if int(number) <= len(images) else None


def lose_power(kernel: Kernel, image: Image) -> None:
    """Kill everybody, leave an image of the disk, and start the machine again."""
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
