"""A scenario: which processes run, on which disk, and which faults may happen.

It is a cast on one of its disks, with one of its *plans*. A plan says which faults may happen, and in which
order, each at any moment. ``two-starts-stale-1-kill`` is two starts on a disk with a stale record, and one of
them may be killed before any of its steps.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from stateful.model.families import FAMILIES, Plan
from stateful.model.images import DISKS, DiskImage
from stateful.model.life import plain, runs_other
from stateful.model.supervision import Supervision

CONTENDING: Final = ("start", "replace")

NOTHING: Final[Plan] = ()
KILL: Final[Plan] = ("kill",)
KILLS: Final[Plan] = ("kill", "kill")
POWER_LOSS: Final[Plan] = ("power-loss",)
PLANTED_LINK: Final[Plan] = ("kill", "planted-link")  # while no process lives

# Guaranteed on a disk that a dead owner left only by a subject that recovers from that.
IF_ALL_IS_RECOVERED: Final = frozenset(
    ("some_contender_wins", "an_end_leaves_the_home_free", "nobody_waits_for_ever", "a_start_always_ends")
)


def faults_of_plan(plan: Plan) -> list[str]:
    """The faults of a plan, in words: ``2 kills``."""
    return [count_faults(number, name) for name, number in Counter(plan).items()]


def count_faults(number: int, family: str) -> str:
    """A number of faults of a family, in words."""
    return FAMILIES[family].in_words(number)


@dataclass(frozen=True)
class Cast:
    """The processes of a scenario, and what may happen to them.

    Attributes:
        lives: the lives of A, B, C, in that order; those that begin with ``other-`` run the other subject.
        plans: the faults that may happen, in each of its scenarios.
        settled: the letters that run first, alone, until they own the gateway.
        exits: how many owners may be asked to exit.
        disks: the disks of its scenarios.
        supervision: the supervisors, if it is played in virtual time under supervisors.
        upset_on: the disks of its scenarios with ``UPSETS``; all but those on the first are run by name only.
        wider_than: the name of a cast with a process, or an exit, less; empty if there is none.
        slow: the families of ``UPSETS`` with which it takes a minute, so that it is run by name only.
    """

    name: str
    title: str
    lives: tuple[str, ...]
    plans: tuple[Plan, ...] = (NOTHING,)
    settled: tuple[str, ...] = ()
    exits: int = 0
    disks: tuple[DiskImage, ...] = DISKS
    supervision: Supervision | None = None
    upset_on: tuple[DiskImage, ...] = ()
    slow: tuple[str, ...] = ()
    wider_than: str = ""

    @property
    def is_mixed(self) -> bool:
        """Whether two subjects run in one home."""
        return any(runs_other(life) for life in self.lives)

    @property
    def has_newcomers(self) -> bool:
        """Whether a process contends that is not settled."""
        lives = map(plain, self.lives)
        contends = [letter for letter, life in zip("ABCD", lives, strict=False) if life in CONTENDING]
        return bool(set(contends) - set(self.settled))


@dataclass(frozen=True)
class Scenario:
    """A cast on a disk, with a plan of faults. Its goals must be reached, else it proved nothing."""

    cast: Cast
    disk: DiskImage
    plan: Plan = NOTHING
    open_ended: bool = field(default=False, compare=False)

    @property
    def name(self) -> str:
        return "-".join([self.cast.name, self.disk.name, *faults_of_plan(self.plan)]).replace(" ", "-")

    @property
    def title(self) -> str:
        return ", ".join([self.cast.title, self.disk.title, *faults_of_plan(self.plan)])

    @property
    def loses_power(self) -> bool:
        """Whether an execution keeps track of what a power loss would leave of the disk."""
        return self.open_ended or POWER_LOSS[0] in self.plan

    def not_guaranteed(self, not_offered: frozenset[str]) -> frozenset[str]:
        """The invariants that are not guaranteed in this scenario, given those that a subject does not offer.

        A subject that offers no recovery need not win on a disk that a dead owner left, at any time, nor need
        it come to rest under a supervisor once an owner was killed.
        """
        if "a_dead_owner_can_be_replaced" not in not_offered:
            return not_offered
        killed = self.cast.supervision is not None and "crash" in self.cast.supervision.blow_kinds
        settles = ("supervisors_settle",) if killed else ()
        return not_offered.union(IF_ALL_IS_RECOVERED if self.disk.files else (), settles)

    def goals(self) -> tuple[str, ...]:
        """The names of the goals (see ``stateful.model.goals``) that some execution must reach."""
        lives = tuple(map(plain, self.cast.lives))
        goals = ["an_owner_served"]
        # A file of root that nobody else may read keeps every other process from its first step on.
        private = bool(self.disk.machine.foreign) and bool(self.cast.settled)
        if self.disk.files:
            goals.append("a_stale_record_was_reclaimed")
        if lives.count("start") > 1 and not self.disk.machine.homes:
            goals.append("a_contender_was_refused")
        if self.plan and self.plan[-1] == "kill" and self.cast.has_newcomers and not private:
            goals.append("a_crash_fell_inside_a_claim")
        if self.plan and self.plan != PLANTED_LINK:  # A subject may make no files.
            goals.append("a_fault_happened")
        if "status" in lives and self.cast.has_newcomers:
            goals.append("a_reader_ran_beside_a_claim")
        if self.cast.exits:
            goals.append("an_owner_released")
        if "replace" in lives and lives[0] == "start" and not private and not self.disk.machine.homes:
            goals.append("a_replace_succeeded")
        if "stop" in lives and not self.disk.machine.homes:
            goals.append("a_stop_succeeded")
        return tuple(goals)
