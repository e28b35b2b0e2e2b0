"""What power losses say of a subject, in words: which file system it needs, and how many images were tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from stateful.deciders.power import weakest_needed
from stateful.deciders.result import Result
from stateful.kernel.persistence import ORDERED, POSIX, PROFILES, WRITEBACK

_NEEDS: Final = {
    POSIX: "needs no more than posix: it does not matter what was synced",
    WRITEBACK: "needs writeback, as of ext4, XFS and btrfs: broken with posix",
    ORDERED: "needs ordered, as of ext4 with data=journal: broken with writeback, as of ext4 by default",
    None: "broken with ordered, the strongest profile",
}


def power_losses(results: Sequence[Result]) -> list[str]:
    """The weakest profile that a subject needs, and how many images were tried."""
    lost = [result.power_losses for result in results if result.power_losses]
    if not lost:
        return []
    images = {profile: sum(each[profile].images for each in lost) for profile in PROFILES}
    cut = [profile for profile in PROFILES if not all(each[profile].whole for each in lost)]
    tried = ", ".join(
        f"{images[profile]:,} {'more ' if number else ''}of {profile}{' (not all)' if profile in cut else ''}"
        for number, profile in enumerate(PROFILES)
    )
    parts = [_NEEDS[weakest_needed(lost)], f"{sum(images.values()):,} images tried: {tried}"]
    return parts + [example for example in [_unjudged(results)] if example]


def _unjudged(results: Sequence[Result]) -> str:
    """How to see what is broken with a profile that the verdict does not count."""
    for result in results:
        if result.power_losses and POSIX == next(iter(_broken(result)), None):
            trace = next(iter(result.power_losses[POSIX].broken.values()))
            return f'see `replay {trace.subject} --scenario {trace.scenario} "{trace.schedule}"`'
    return ""


def _broken(result: Result) -> list[str]:
    return [profile for profile in PROFILES if result.power_losses[profile].broken]


def as_json(result: Result) -> dict[str, Any]:
    """What the power losses of a scenario have shown, as plain data."""
    return {
        profile: {
            "images": lost.images,
            "all": lost.whole,
            "broken": {invariant: trace.schedule for invariant, trace in lost.broken.items()},
        }
        for profile, lost in result.power_losses.items()
    }
