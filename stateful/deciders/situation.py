"""Where a Hypothesis machine begins: the strategies of its disk, of who races there at once, and of its plan.

They ask the machine which lives there are, and whether anybody meddles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hypothesis import strategies as st

from stateful.deciders.turn import turns_of
from stateful.deciders.world import FAMILIES
from stateful.image import NULL_OWN_PID
from stateful.running import LETTERS
from stateful.scenario import CONTENDING, MEDDLING, OPEN_ENDED
from stateful.schedule import Move

MOST_IN_CAST: Final = 3
FEW_FAULTS: Final = 2
MANY_FAULTS: Final = 8
COMMON: Final = ("kill", "sigterm")
# A record of the first process's own pid without a start time cannot be told from a right one.
DISKS: Final = {scenario.disk.name: scenario for scenario in OPEN_ENDED if scenario.disk is not NULL_OWN_PID}


def of_machine(draw: Callable[[Any], st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """What a machine says that may be drawn now."""
    return st.runner().flatmap(draw)


def _life(machine: Any) -> st.SearchStrategy[str]:
    """Twice as often the usual one as any other."""
    lives = machine.lives()
    return st.sampled_from([lives[0], *lives])


def _opening(machine: Any) -> st.SearchStrategy[str]:
    """Somebody who contends, and anybody beside; and some turns of theirs."""
    contending = [life for life in machine.lives() if life in CONTENDING]
    more = st.lists(_life(machine), max_size=MOST_IN_CAST - 1)
    return st.tuples(st.sampled_from(contending or machine.lives()), more).flatmap(
        lambda cast: _turns_of_cast([cast[0], *cast[1]])
    )


def _turns_of_cast(cast: list[str]) -> st.SearchStrategy[str]:
    letters = LETTERS[: len(cast)]
    begun = [str(Move(life, letter)) for life, letter in zip(cast, letters, strict=True)]
    return turns_of(letters).map(lambda turns: " ".join([*begun, turns]))


def _plan(machine: Any) -> st.SearchStrategy[list[str]]:
    """Rather few faults than many, and rather common ones than others."""
    families = [name for name in FAMILIES if machine.meddling or name not in MEDDLING]
    family = st.sampled_from([*families, *COMMON])
    return st.just([]) | st.lists(family, max_size=FEW_FAULTS) | st.lists(family, max_size=MANY_FAULTS)


LIFE: Final = of_machine(_life)
SITUATION: Final[dict[str, Any]] = {
    "disk": st.sampled_from(tuple(DISKS)),
    "schedule": of_machine(_opening),
    "plan": of_machine(_plan),
}
