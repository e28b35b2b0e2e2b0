"""Searches each mutation of a subject until it is caught, and judges it.

A mutation is *caught* by the first invariant that it breaks, or by a goal that is no longer reached; the
scenarios of the scope are searched in order, small ones first. It is *equivalent* in this scope, and does not
count in the score, if the observable states of mutant and subject are the same in every scenario. There is no
timeout: a mutant that spins breaks an invariant.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import Any, Final

from stateful.model.call import UnmodelledSyscall
from stateful.model.scenario import Scenario
from stateful.model.standard import find_scenarios
from stateful.mutation.observable import observable
from stateful.mutation.planted_mistake import Mutation, Survey
from stateful.protocol.subject import Offer, Subject
from stateful.python.guard import Watchdog
from stateful.run.replay import Nondeterminism
from stateful.run.workers import in_parallel
from stateful.search.explorer import Explorer
from stateful.search.memory import Memory
from stateful.search.result import Result

CAUGHT, SURVIVED, EQUIVALENT, UNKNOWN = "caught", "survived", "equivalent", "unknown"

# Two processes at most: small scenarios catch most mutants, and a survivor is searched in all of them.
SCOPE: Final = (
    "one-start-*-1-kill",
    "one-start-empty-1-power-loss",
    "start-and-exit-*-1-kill",
    "two-starts-empty-1-kill",
    "exit-and-start-empty-1-kill",
    "start-and-status-empty-1-kill",
    "two-starts-stale-1-kill",
    "start-and-status-stale-1-kill",
    "one-replace-*",
    "stop-of-owner-empty-1-kill",
    "replace-of-owner-empty-1-kill-1-recycled-pid",
    "replace-of-owner-zombie",
    "start-and-exit-stale-1-errno",
    "one-start-containers-1-errno",
)


@dataclass(frozen=True)
class Judgement:
    """The verdict on a mutation.

    Attributes:
        by: the invariant or goal that caught it; or why the verdict is unknown.
        scenario: the name of the scenario in which it was caught.
        schedule: the schedule that breaks an invariant, if one does.
        states: how many states were searched.
    """

    mutation: Mutation
    verdict: str
    by: str = ""
    scenario: str = ""
    schedule: str = ""
    states: int = 0


def scope(offer: Offer, patterns: Sequence[str] = SCOPE) -> list[Scenario]:
    """The scenarios that patterns name, in this order, as far as they are searched and a subject offers them.

    Raises KeyError if a pattern names no scenario.
    """
    found = dict.fromkeys(scenario for pattern in patterns for scenario in find_scenarios(pattern))
    searched = (each for each in found if not (each.open_ended or each.cast.supervision))
    return [scenario for scenario in searched if {*scenario.cast.lives} <= {*offer.lives}]


def survey(
    subject: Subject, offer: Offer, scenarios: Sequence[Scenario]
) -> dict[Mutation, tuple[Scenario, ...]]:
    """The possible mutations, sorted by site, each with the scenarios in which its call is made.

    In all other scenarios the mutant behaves like the subject and need not be searched.

    Raises ValueError if the subject itself breaks an invariant or misses a goal: then its mutants cannot be
    judged.
    """
    possible: dict[Mutation, tuple[Scenario, ...]] = {}
    for group in _groups(scenarios):
        seen = Survey()
        for result in _search(replace(subject, alteration=seen), offer, group):
            for invariant in result.violations:
                raise ValueError(f"it violates {invariant} in {result.scenario.name} itself")
            for goal in result.unreached:
                raise ValueError(f"it never reaches {goal} in {result.scenario.name} itself")
        for mutation in seen.mutations():
            possible[mutation] = (*possible.get(mutation, ()), *group)
    return dict(sorted(possible.items()))


Question = tuple[Mutation, tuple[Scenario, ...]]


def judge_all(
    subject: Subject,
    offer: Offer,
    possible: dict[Mutation, tuple[Scenario, ...]],
    workers: int,
    hear: Callable[[Judgement], None],
) -> None:
    """Judge mutations in worker processes, each mutation in its scenarios."""

    def lost(question: Question, status: int | None) -> None:
        hear(Judgement(question[0], UNKNOWN, f"its worker ended with exit status {status}"))

    in_parallel(_judge, (subject, offer), list(possible.items()), workers, hear, lost)


def _judge(subject: Subject, offer: Offer, question: Question, tell: Callable[[Judgement], None]) -> None:
    tell(judge(subject, offer, *question))


def judge(subject: Subject, offer: Offer, mutation: Mutation, scenarios: tuple[Scenario, ...]) -> Judgement:
    """Judge one mutation in some scenarios."""
    mutant = replace(subject, alteration=mutation)
    states, same = 0, True
    try:
        for group in _groups(scenarios):
            seen: set[Any] = set()
            with closing(_search(mutant, offer, group, seen)) as results:
                for result in results:
                    states += result.states
                    caught = _caught(mutation, result, states)
                    if caught is not None:
                        return caught
            same = same and seen == _of_the_original(subject, offer, group)
    except (UnmodelledSyscall, Nondeterminism) as error:
        return Judgement(mutation, UNKNOWN, str(error), states=states)
    return Judgement(mutation, EQUIVALENT if same else SURVIVED, states=states)


def _caught(mutation: Mutation, result: Result, states: int) -> Judgement | None:
    name = result.scenario.name
    for invariant, trace in result.violations.items():
        return Judgement(mutation, CAUGHT, invariant, name, trace.schedule, states)
    if result.unreached:
        return Judgement(mutation, CAUGHT, f"goal {result.unreached[0]}", name, "", states)
    if not result.exhaustive:
        return Judgement(mutation, UNKNOWN, result.reason, name, "", states)
    return None


def _groups(scenarios: Sequence[Scenario]) -> list[tuple[Scenario, ...]]:
    """Scenarios that can be searched together, as groups in the given order."""

    def together(scenario: Scenario) -> tuple[Any, ...]:
        return scenario.cast, scenario.disk, scenario.loses_power

    return [tuple(group) for _, group in groupby(scenarios, together)]


def _search(
    subject: Subject, offer: Offer, group: tuple[Scenario, ...], seen: set[Any] | None = None
) -> Generator[Result, None, None]:
    """Search scenarios together and yield their results; observable states are added to ``seen``.

    Partial-order reduction stays on: a step invisible to other processes has the same observable state before
    and after. Symmetry reduction is off if ``seen`` is given, since for two subjects it may keep different
    ones of two identical processes.
    """
    memory = Memory(subject, group[0].disk, loses_power=group[0].loses_power)

    def observe(state: Any) -> None:
        if seen is not None:
            seen.add(observable(memory, state))

    with closing(memory), Watchdog():
        explorer = Explorer(offer, list(group), memory, symmetric=seen is None, observe=observe)
        yield from explorer.run()


@cache
def _of_the_original(subject: Subject, offer: Offer, group: tuple[Scenario, ...]) -> frozenset[Any]:
    seen: set[Any] = set()
    for _ in _search(subject, offer, group, seen):
        pass
    return frozenset(seen)
