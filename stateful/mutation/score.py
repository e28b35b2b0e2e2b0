"""Searches each mutation of a subject until it is caught, and says what became of it.

A mutation is *caught* by the first invariant that it breaks, or by a goal that is not reached any more, in
the first scenario of the scope, small ones first. It is *equivalent*, in this scope, if what can be
observed of its states is what can be observed of the subject's, in every scenario, and leaves the score.
Nothing is given up for taking long: a mutant that spins breaks an invariant.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import groupby
from typing import Any, Final

from stateful.deciders.behaviour import Nondeterminism
from stateful.deciders.explore import Explorer
from stateful.deciders.memory import Memory
from stateful.deciders.result import Result
from stateful.kernel.call import UnmodelledSyscall
from stateful.kernel.guard import Watchdog
from stateful.mutation.mutation import Mutation, Survey
from stateful.mutation.observable import observable
from stateful.scenario import Scenario, find_scenarios
from stateful.subject import Offer, Subject
from stateful.workers import in_parallel

CAUGHT, SURVIVED, EQUIVALENT, UNKNOWN = "caught", "survived", "equivalent", "unknown"

# Two processes at most: what a mutant does is told by little, and one that survives is searched in all of it.
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
    "replace-of-owner-empty-1-kill",
    "replace-of-owner-zombie",
    "start-and-exit-stale-1-errno",
)


@dataclass(frozen=True)
class Judgement:
    """What became of a mutation.

    Attributes:
        by: the invariant or goal that caught it; why it is unknown.
        scenario: the name of the scenario in which it was caught.
        schedule: the schedule that shows it, where it breaks an invariant.
        states: how many states were searched.
    """

    mutation: Mutation
    verdict: str
    by: str = ""
    scenario: str = ""
    schedule: str = ""
    states: int = 0


def scope(offer: Offer, patterns: Sequence[str] = SCOPE) -> list[Scenario]:
    """The scenarios that patterns name, that are searched, and whose lives a subject offers; in this order.

    Raises KeyError where a pattern names none.
    """
    found = dict.fromkeys(scenario for pattern in patterns for scenario in find_scenarios(pattern))
    searched = (each for each in found if not (each.open_ended or each.cast.supervision))
    return [scenario for scenario in searched if {*scenario.cast.lives} <= {*offer.lives}]


def survey(subject: Subject, offer: Offer, scenarios: Sequence[Scenario]) -> list[Mutation]:
    """The mutations that are possible where a subject gets in some scenarios.

    Raises ValueError where it breaks an invariant itself, or misses a goal: nothing could be said of its
    mutants then.
    """
    seen = Survey()
    for result in _results(replace(subject, alteration=seen), offer, scenarios):
        for invariant in result.violations:
            raise ValueError(f"it violates {invariant} in {result.scenario.name} itself")
        for goal in result.unreached:
            raise ValueError(f"it never reaches {goal} in {result.scenario.name} itself")
    return seen.mutations()


def judge_all(
    subject: Subject,
    offer: Offer,
    scenarios: Sequence[Scenario],
    mutations: Sequence[Mutation],
    workers: int,
    hear: Callable[[Judgement], None],
) -> None:
    """Judge mutations in worker processes."""

    def lost(mutation: Mutation, status: int | None) -> None:
        hear(Judgement(mutation, UNKNOWN, f"its worker ended with exit status {status}"))

    in_parallel(_judge, (subject, offer, tuple(scenarios)), list(mutations), workers, hear, lost)


def _judge(
    subject: Subject,
    offer: Offer,
    scenarios: tuple[Scenario, ...],
    mutation: Mutation,
    tell: Callable[[Judgement], None],
) -> None:
    tell(judge(subject, offer, scenarios, mutation))


def judge(subject: Subject, offer: Offer, scenarios: tuple[Scenario, ...], mutation: Mutation) -> Judgement:
    """What becomes of one mutation."""
    mutant = replace(subject, alteration=mutation)
    states = 0
    try:
        with closing(_results(mutant, offer, scenarios)) as results:
            for result in results:
                states += result.states
                caught = _caught(mutation, result, states)
                if caught is not None:
                    return caught
        same = all(
            _observations(mutant, offer, group) == _of_the_original(subject, offer, group)
            for group in _groups(scenarios)
        )
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
    """The scenarios that are searched together, in their order."""

    def together(scenario: Scenario) -> tuple[Any, ...]:
        return scenario.cast, scenario.disk, scenario.loses_power

    return [tuple(group) for _, group in groupby(scenarios, together)]


def _results(subject: Subject, offer: Offer, scenarios: Sequence[Scenario]) -> Generator[Result, None, None]:
    for group in _groups(scenarios):
        with closing(_memory(subject, group)) as memory, Watchdog():
            yield from Explorer(subject, offer, list(group), memory).run()


def _memory(subject: Subject, group: Sequence[Scenario]) -> Memory:
    return Memory(subject, group[0].disk, loses_power=group[0].loses_power)


def _observations(subject: Subject, offer: Offer, group: tuple[Scenario, ...]) -> frozenset[Any]:
    """What can be observed in some scenarios.

    Steps that nobody sees need not branch, since what can be observed is the same before and after. Who of
    two identical processes stands for both may differ between two subjects, so both are searched.
    """
    seen: set[Any] = set()
    with closing(_memory(subject, group)) as memory, Watchdog():

        def observe(state: Any) -> None:
            seen.add(observable(memory, state))

        for _ in Explorer(subject, offer, list(group), memory, symmetric=False, observe=observe).run():
            pass
    return frozenset(seen)


_of_the_original = lru_cache(maxsize=None)(_observations)
