"""Runs the exhaustive search of many scenarios, on several cores, within a budget of time.

The scenarios of one cast on one disk are searched together; they form one job. Supervised scenarios are
played instead of searched: see ``stateful.search.supervised``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from typing import NamedTuple

from stateful.model.call import UnmodelledSyscall
from stateful.model.scenario import Scenario
from stateful.protocol.subject import Offer, Subject
from stateful.python.guard import Watchdog
from stateful.run.replay import Nondeterminism
from stateful.run.workers import in_parallel
from stateful.search.decider import Decider
from stateful.search.explorer import Explorer
from stateful.search.memory import Memory
from stateful.search.part import WHOLE, Part
from stateful.search.result import Result
from stateful.search.supervised import Supervised

Message = tuple[int, Result]
Listener = Callable[[int, Result], None]


class Job(NamedTuple):
    """The numbered scenarios of one cast on one disk, and which part of their search to do."""

    scenarios: tuple[tuple[int, Scenario], ...]
    part: Part = WHOLE


def not_offered(scenarios: Sequence[Scenario], offer: Offer) -> dict[int, Result]:
    """The results, by number, of the scenarios that need a life which the subject does not offer."""
    found = {}
    for number, scenario in enumerate(scenarios):
        missing = tuple(life for life in dict.fromkeys(scenario.cast.lives) if life not in offer.lives)
        if missing:
            found[number] = Result(scenario, missing=missing)
    return found


def jobs_of(scenarios: Sequence[Scenario], but: Container[int]) -> list[Job]:
    """The scenarios that are not excluded, grouped by cast, disk and whether power may be lost."""
    jobs: dict[tuple[str, str, bool], list[tuple[int, Scenario]]] = {}
    for number, scenario in enumerate(scenarios):
        if number not in but:
            together = scenario.cast.name, scenario.disk.name, scenario.loses_power
            jobs.setdefault(together, []).append((number, scenario))
    return [Job(tuple(job)) for job in jobs.values()]


def search(
    subject: Subject, offer: Offer, jobs: Sequence[Job], budget_s: float, workers: int, listen: Listener
) -> tuple[dict[int, Result], bool]:
    """The results of some jobs, by scenario number, and whether an interrupt ended the search early."""
    found: dict[int, Result] = {}

    def note(message: Message) -> None:
        number, result = message
        found[number] = result
        listen(number, result)

    def lost(job: Job, status: int | None) -> None:
        for number, scenario in job.scenarios:
            if number not in found or not found[number].finished:
                known = found.get(number, Result(scenario))
                note((number, replace(known, reason=f"its worker ended with exit status {status}")))

    arguments = (subject, offer, time.time() + budget_s, jobs[:1])
    try:
        alone = 1 if workers > 1 else len(jobs)  # What stops the first job is said before others begin.
        for job in jobs[:alone]:
            _do(*arguments, job, note)
        if jobs[alone:]:
            in_parallel(_do, arguments, jobs[alone:], workers, note, lost)
    except KeyboardInterrupt:
        return found, True
    return found, False


def _do(
    subject: Subject,
    offer: Offer,
    deadline: float,
    first: Sequence[Job],
    job: Job,
    tell: Callable[[Message], None],
) -> None:
    """Search the scenarios of one job; the results do not depend on earlier jobs.

    What stops the search of the first job without a fault stops all, and is raised.
    """
    numbers = {scenario: number for number, scenario in job.scenarios}
    finished: set[Scenario] = set()

    def watch(result: Result) -> None:
        if result.finished:
            finished.add(result.scenario)
        if result.scenario in numbers:
            tell((numbers[result.scenario], result))

    rest: list[tuple[int, Scenario]] = []
    until = time.perf_counter() + deadline - time.time()
    decider = decider_of(subject, offer, job, until, watch)
    try:
        with Watchdog():
            for result in decider.run():
                watch(result)
    except KeyboardInterrupt:
        watch(replace(decider.so_far(), reason="interrupted"))
        raise
    except (UnmodelledSyscall, Nondeterminism) as error:
        # It does not concern the scenarios whose faults do not begin with those of the plan that was stopped.
        here = decider.so_far()
        plan = here.scenario.plan
        if job in first and not plan:
            raise
        open_ = [(number, scenario) for number, scenario in job.scenarios if scenario not in finished]
        for _, scenario in open_:
            if scenario.plan[: len(plan)] == plan:
                result = here if scenario == here.scenario else Result(scenario)
                watch(replace(result, reason=str(error), refusal=error.with_traceback(None)))
        rest = [(number, scenario) for number, scenario in open_ if scenario.plan[: len(plan)] != plan]
    finally:
        decider.close()
    if rest:
        _do(subject, offer, deadline, first, job._replace(scenarios=tuple(rest)), tell)


def decider_of(
    subject: Subject, offer: Offer, job: Job, until: float, watch: Callable[[Result], None]
) -> Decider:
    """The decider that finds the results of a job."""
    scenarios = [scenario for _, scenario in job.scenarios]
    first = scenarios[0]
    if first.cast.supervision is not None:
        return Supervised(subject, scenarios, until)
    memory = Memory(subject, first.disk, loses_power=first.loses_power, one_per=offer.one_per)
    return Explorer(offer, scenarios, memory, until, watch, part=job.part)
