"""What power losses have shown: the disks that they left, by profile, and what a start on these disks broke.

The verdict counts the profiles in JUDGED: an invariant broken with one of these is violated. On a file system
as Linux mounts it by default (ext4, XFS, btrfs) a program may rely only on ``writeback``, so a gateway that
does not start there after a power loss is in a crash loop. ``posix`` guarantees less than any file system
with a journal does; what breaks only with ``posix`` is reported and is no violation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import NamedTuple

from stateful.kernel.machine_faults import machine_left
from stateful.kernel.persistence import Image, Persistence
from stateful.kernel.state import SharedState
from stateful.model.faults import JUDGED, POWER_LOSS, PROFILES
from stateful.model.schedule import Move
from stateful.model.trace import Trace


class Lost(NamedTuple):
    """What the power losses of one profile have shown.

    Attributes:
        images: how many distinct disks were left that no stronger profile allows.
        whole: whether these are all such disks.
        broken: the first trace of each invariant that a start on one of them breaks.
    """

    images: int
    whole: bool
    broken: dict[str, Trace]


def weakest_needed(lost: Iterable[Mapping[str, Lost]]) -> str | None:
    """The weakest profile such that neither it nor a stronger one breaks anything; None if there is none."""
    broken = {profile for each in lost for profile in PROFILES if each[profile].broken}
    holds = list(takewhile(lambda profile: profile not in broken, PROFILES))
    return holds[-1] if holds else None


def profile_of(move: Move) -> str:
    """The profile of a power loss."""
    return move.detail.partition("-")[0]


def losses(persistence: Persistence) -> Iterator[tuple[Move, Image]]:
    """Every power loss that leaves a different disk, under the strongest profile that allows that disk."""
    known: set[Image] = set()
    for profile in PROFILES:
        listed = persistence.images(profile).listed
        for number, image in enumerate(listed, 1):
            if image not in known:
                yield Move(POWER_LOSS, "", f"{profile}-{number}"), image
        known.update(listed)


class PowerLosses:
    """All the power losses of one plan of faults."""

    def __init__(self) -> None:
        self.broken: dict[str, dict[str, Trace]] = {profile: {} for profile in PROFILES}
        self._left: dict[str, set[int]] = {profile: set() for profile in PROFILES}
        self._cut: set[str] = set()
        self._moments: set[tuple[Persistence, SharedState]] = set()
        self._tried: dict[tuple[Image, SharedState], int] = {}  # the index of the strongest profile tried

    @property
    def cut_short(self) -> bool:
        """Whether a profile that counts has more images than were tried."""
        return not self._cut.isdisjoint(JUDGED)

    def moves(self, shared: SharedState) -> list[Move]:
        """Every power loss in a state that leaves a disk not yet left under this profile or a stronger one.

        The processes make no difference: all are killed. Notes profiles whose images are not all listed.
        """
        persistence, when = shared.persistence, machine_left(shared)
        if persistence is None or (persistence, when) in self._moments:
            return []
        self._moments.add((persistence, when))
        self._cut.update(profile for profile in PROFILES if not persistence.images(profile).whole)
        moves = []
        for move, image in losses(persistence):
            strength = PROFILES.index(profile_of(move))
            if self._tried.get((image, when), len(PROFILES)) > strength:
                self._tried[image, when] = strength
                moves.append(move)
        return moves

    def note(self, profile: str, shared: int) -> bool:
        """Note the disk that a power loss left, by its shared state; returns whether it is new."""
        new = not any(shared in left for left in self._left.values())
        self._left[profile].add(shared)
        return new

    def result(self) -> dict[str, Lost]:
        """What the power losses have shown, by profile; empty if there were none."""
        if not any(self._left.values()):
            return {}
        stronger: set[int] = set()
        lost = {}
        for profile in PROFILES:
            new = self._left[profile] - stronger
            stronger |= new
            lost[profile] = Lost(len(new), profile not in self._cut, dict(self.broken[profile]))
        return lost
