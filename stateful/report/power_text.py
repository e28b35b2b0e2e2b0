"""The result of power losses as text: which file system a subject needs, and how many images were tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from stateful.model.faults import JUDGED, ORDERED, POSIX, PROFILES, WRITEBACK
from stateful.model.trace import Trace
from stateful.search.power_losses import weakest_needed
from stateful.search.result import Result

_NEEDS: Final = {
    POSIX: "safe on any file system (holds with posix)",
    WRITEBACK: "needs writeback (ext4, XFS or btrfs as they are mounted by default); broken with posix",
    ORDERED: "needs ordered (ext4 with data=journal, ZFS); broken with writeback (ext4 by default)",
    None: "broken with ordered, the strongest profile",
}


def power_losses(results: Sequence[Result]) -> list[str]:
    """The weakest profile that a subject needs, and how many images were tried."""
    lost = [result.power_losses for result in results if result.power_losses]
    if not lost:
        return []
    images = {profile: sum(each[profile].images for each in lost) for profile in PROFILES}
    whole = {profile: all(each[profile].whole for each in lost) for profile in PROFILES}
    tried = [
        f"{images[profile]:,} {'' if profile == ORDERED else 'more '}with {profile}"
        + ("" if whole[profile] else ", not all")
        for profile in PROFILES
    ]
    return [_NEEDS[weakest_needed(lost)], f"{sum(images.values()):,} disk images tried ({', '.join(tried)})"]


def unjudged(results: Sequence[Result]) -> Iterator[Trace]:
    """For each invariant that is broken with posix, but not with a judged profile, the first trace."""
    lost = [result.power_losses for result in results if result.power_losses]
    known = {invariant for each in lost for profile in JUDGED for invariant in each[profile].broken}
    for invariant, trace in ((name, trace) for each in lost for name, trace in each[POSIX].broken.items()):
        if invariant not in known:
            known.add(invariant)
            yield trace


def as_json(result: Result) -> dict[str, Any]:
    """The result of the power losses of a scenario, as plain data."""
    return {
        profile: {
            "images": lost.images,
            "all": lost.whole,
            "broken": {invariant: trace.schedule for invariant, trace in lost.broken.items()},
        }
        for profile, lost in result.power_losses.items()
    }
