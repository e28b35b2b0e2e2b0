"""What power losses have shown: which disks they left, by profile, and what was broken by a start on them.

The verdict counts the profiles in JUDGED: what is broken with one of these is violated. Of a file system
as Linux mounts it by default (ext4, XFS, btrfs) nobody may expect more than ``writeback``, so a gateway that
does not start there after a power loss has the crash loop that this project is about. ``posix`` promises
less than any file system with a journal keeps; what is broken with that alone is told, and is no violation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import NamedTuple

from stateful.kernel.persistence import Image, Persistence
from stateful.kernel.state import SharedState
from stateful.model.faults import JUDGED, POWER_LOSS, PROFILES
from stateful.model.schedule import Move
from stateful.model.trace import Trace

Time = tuple[
    int, int, int, int
]  # the clock, its skew, how long it stood still, and how often the machine was started


class Lost(NamedTuple):
    """What the power losses of one profile have shown.

    Attributes:
        images: how many distinct disks were left that no stronger profile allows.
        whole: whether these are all.
        broken: the first trace of each invariant that is broken by what runs on one of them.
    """

    images: int
    whole: bool
    broken: dict[str, Trace]


def weakest_needed(lost: Iterable[Mapping[str, Lost]]) -> str | None:
    """The weakest profile with which nothing is broken, nor with a stronger one; None where there is none."""
    broken = {profile for each in lost for profile in PROFILES if each[profile].broken}
    holds = list(takewhile(lambda profile: profile not in broken, PROFILES))
    return holds[-1] if holds else None


def profile_of(move: Move) -> str:
    """The profile that a power loss is one of."""
    return move.detail.partition("-")[0]


def losses(persistence: Persistence) -> Iterator[tuple[Move, Image]]:
    """Every power loss that leaves another disk, as one of the strongest profile that allows it."""
    known: set[Image] = set()
    for profile in PROFILES:
        listed = persistence.images(profile).listed
        for number, image in enumerate(listed, 1):
            if image not in known:
                yield Move(POWER_LOSS, "", f"{profile}-{number}"), image
        known.update(listed)


class PowerLosses:
    """All the power losses of a layer of the search."""

    def __init__(self) -> None:
        self.broken: dict[str, dict[str, Trace]] = {profile: {} for profile in PROFILES}
        self._left: dict[str, set[int]] = {profile: set() for profile in PROFILES}
        self._cut: set[str] = set()
        self._moments: set[tuple[Persistence, Time]] = set()
        self._tried: dict[tuple[Image, Time], int] = {}  # with how strong a profile

    @property
    def cut_short(self) -> bool:
        """Whether there are more images of a profile that counts than were tried."""
        return not self._cut.isdisjoint(JUDGED)

    def moves(self, shared: SharedState) -> list[Move]:
        """Every power loss in a state that leaves a disk which none with such a profile has left yet.

        Who lives there, and does what, makes no difference any more. Notes where not all images are listed.
        """
        persistence, when = shared.persistence, (shared.clock, shared.skew, shared.suspended, shared.boots)
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
        """Note which disk a power loss left, by its shared state; whether none has left it yet."""
        new = not any(shared in left for left in self._left.values())
        self._left[profile].add(shared)
        return new

    def result(self) -> dict[str, Lost]:
        """What they have shown, by profile; nothing where there were none."""
        if not any(self._left.values()):
            return {}
        stronger: set[int] = set()
        lost = {}
        for profile in PROFILES:
            new = self._left[profile] - stronger
            stronger |= new
            lost[profile] = Lost(len(new), profile not in self._cut, dict(self.broken[profile]))
        return lost
