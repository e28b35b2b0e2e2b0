"""Goals: what some execution must reach, else a search proved nothing. Each is named by what is true then.

A goal is a function that looks at one moment and says whether it was reached there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from stateful.model.lifecycle import STARTING
from stateful.model.moment import Moment


def an_owner_served(moment: Moment) -> bool:
    return any(view.owns for view in moment.processes)


def a_stale_record_was_reclaimed(moment: Moment) -> bool:
    """A process owns on a disk that began with another's record: meaningful on such disks only."""
    return an_owner_served(moment)


def a_contender_was_refused(moment: Moment) -> bool:
    actor = moment.actor
    if actor is None or actor.outcome is None:
        return False
    return actor.contends and actor.outcome.kind == "refused"


def a_crash_fell_inside_a_claim(moment: Moment) -> bool:
    actor = moment.actor
    if moment.move.kind != "crash" or actor is None:
        return False
    return actor.contends and actor.phase == STARTING


def a_fault_happened(moment: Moment) -> bool:
    """The last fault of the plan happened."""
    return moment.move.is_fault


def a_reader_ran_beside_a_claim(moment: Moment) -> bool:
    actor = moment.actor
    return (
        actor is not None
        and actor.life == "status"
        and any(view.contends and view.phase == STARTING and not view.outcome for view in moment.processes)
    )


def an_owner_released(moment: Moment) -> bool:
    actor = moment.actor
    return actor is not None and actor.outcome is not None and actor.outcome.kind == "released"


def a_replace_succeeded(moment: Moment) -> bool:
    """A replace owns after another process has owned."""
    actor = moment.actor
    if actor is None or actor.life != "replace" or not actor.owns:
        return False
    return any(view.owned and view.letter != actor.letter for view in moment.processes)


def a_stop_succeeded(moment: Moment) -> bool:
    """A stop has ended, and so has an owner that was told to go."""
    actor = moment.actor
    if actor is None or actor.life != "stop" or actor.outcome is None or actor.outcome.kind != "returned":
        return False
    return any(view.owned and view.outcome and view.asked == "signal" for view in moment.processes)


Goal = Callable[[Moment], bool]

GOALS: Final[dict[str, Goal]] = {
    goal.__name__: goal
    for goal in (
        an_owner_served,
        a_stale_record_was_reclaimed,
        a_contender_was_refused,
        a_crash_fell_inside_a_claim,
        a_fault_happened,
        a_reader_ran_beside_a_claim,
        an_owner_released,
        a_replace_succeeded,
        a_stop_succeeded,
    )
}


# These have to be reached again when the plan allows one more fault.
GOALS_OF_FAULTS: Final = frozenset({"a_crash_fell_inside_a_claim", "a_fault_happened"})
