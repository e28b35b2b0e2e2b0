"""The portfolio: who chooses in random executions. A campaign takes another member, and seed, per slice.

How deep a bug is that PCT looks for, and how it is bounded: see ``stateful.sample.scheduler``.
"""

from __future__ import annotations

from random import Random
from typing import Final

from stateful.sample.draft import Draft
from stateful.sample.scheduler import Pct, Pos, Scheduler, UniformWalk
from stateful.sample.walk import everybody

UNIFORM, POS, NEIGHBOUR, MACHINE = "uniform", "pos", "neighbour", "hypothesis"
PCT_DEPTHS: Final = {"pct-3": 3, "pct-4": 4, "pct-6": 6}
SCHEDULERS: Final = (UNIFORM, *PCT_DEPTHS, POS)
MEMBERS: Final = (UNIFORM, "pct-3", POS, MACHINE, "pct-4", NEIGHBOUR, "pct-6")


def scheduler_of(member: str, draft: Draft, random: Random) -> Scheduler:
    """The scheduler of a member, for an execution of a draft."""
    if member == POS:
        return Pos(random)
    if member in PCT_DEPTHS:
        return Pct(random, everybody(draft), draft.steps, PCT_DEPTHS[member])
    return UniformWalk(random)
