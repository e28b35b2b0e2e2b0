"""Merges the shards of a verification into the result that a single search would have given.

Equal to a single search's: the verdict, the states, the faults that were tried, the goals that were reached,
the violated invariants, and the number of moves that violate each. A state or fault that several shards
reached counts once. Not necessarily equal: which of several shortest schedules is kept. Calls and seconds
are the sums over all shards.

The verdict of a scenario is unknown if a shard with a part of it is missing or unfinished, or if its parts
were not dealt from the same states: then nothing shows that the parts cover the whole search.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Iterable, Mapping, Sequence

from stateful.explain.blame import to_blame
from stateful.model.scenario import Scenario
from stateful.model.standard import find_scenario
from stateful.model.trace import Trace
from stateful.protocol.subject import Subject, find_subject
from stateful.run.examine import examine
from stateful.search.jobs import Job, jobs_of, not_offered, search
from stateful.search.result import Result
from stateful.verification.certificate import Certificate, Unfit
from stateful.verification.shard import deal, is_played
from stateful.verification.source import made_of
from stateful.verification.verification import DEFAULT_BUDGET_S, Verification, conclude


def merge(certificates: Mapping[str, Certificate]) -> Verification:
    """Merge shards, which are given by the path of their file.

    Raises:
        Unfit: the shards belong to different verifications, or were made of other sources than those here.
        SubjectError: their subject cannot be found here.
    """
    shards = _by_number(certificates)
    first = next(iter(shards.values()))
    subject = find_subject(first.subject, first.other)
    try:
        scenarios = [find_scenario(name) for name in first.scenarios]
    except KeyError as error:
        raise Unfit(f"the shards are of {error}, which is no scenario here") from None
    offer = examine(subject)
    here = Certificate(first.shard, first.subject, first.other, made_of(subject), first.scenarios)
    if word := first.differs(here):
        raise Unfit(f"the shards are of another {word} than there is here; merge them where they were made")
    found = not_offered(scenarios, offer)
    jobs = jobs_of(scenarios, found)
    shares = deal(jobs, first.shard.of)
    for job in jobs:
        numbers = [number for number, share in enumerate(shares, 1) if _has_part(share, job)]
        for at, scenario in job.scenarios if numbers else ():
            parts = {number: _part(shards, number, subject, scenario) for number in numbers}
            if len(parts) > 1:
                found[at] = _together(subject, scenario, parts, _shorter(scenario, found.values()))
            else:
                found[at] = _alone(*parts.items())
    plays = [*filter(is_played, jobs)]
    played, interrupted = search(subject, offer, plays, DEFAULT_BUDGET_S, 1, lambda *_: None)
    verification = conclude(subject, offer, scenarios, found | played)
    verification.interrupted |= interrupted
    verification.seconds = sum(shard.seconds for shard in shards.values())
    return verification


def _by_number(certificates: Mapping[str, Certificate]) -> dict[int, Certificate]:
    """The shards, by number. Raises Unfit where they are not of one verification."""
    where: dict[int, str] = {}
    for path, certificate in certificates.items():
        known = where.setdefault(certificate.shard.number, path)
        if known != path:
            raise Unfit(f"{known} and {path} are both shard {certificate.shard}; give one of them")
        first = next(iter(certificates))
        if word := certificates[first].differs(certificate):
            raise Unfit(f"{first} and {path} are not of one verification: another {word}")
    return {number: certificates[path] for number, path in sorted(where.items())}


def _has_part(share: Sequence[Job], job: Job) -> bool:
    return any(each.scenarios == job.scenarios for each in share)


def _part(shards: Mapping[int, Certificate], number: int, subject: Subject, scenario: Scenario) -> Result:
    """A shard's result of a scenario; without one, an empty result that gives the reason."""
    if number not in shards:
        return Result(scenario, reason="missing")
    return shards[number].result(subject, scenario) or Result(scenario, reason="not begun")


def _shorter(scenario: Scenario, found: Iterable[Result]) -> Mapping[str, Trace]:
    """The violations of the scenarios whose plan is a proper prefix of this one's, shortest plan first."""
    plan, where = scenario.plan, (scenario.cast, scenario.disk)
    shorter = [
        result
        for result in found
        if (result.scenario.cast, result.scenario.disk) == where
        and len(result.scenario.plan) < len(plan)
        and plan[: len(result.scenario.plan)] == result.scenario.plan
        and not result.scenario.loses_power
    ]
    return ChainMap(*(each.violations for each in sorted(shorter, key=lambda each: len(each.scenario.plan))))


def _alone(part: tuple[int, Result]) -> Result:
    """The result of a scenario that a single shard has searched."""
    result = part[1]
    if not result.exhaustive:
        result.reason = ", ".join(_unfinished(dict([part])))
    return result


def _together(
    subject: Subject, scenario: Scenario, parts: Mapping[int, Result], shorter: Mapping[str, Trace]
) -> Result:
    """The result of a scenario that several shards have searched in parts."""
    seen = [part.seen for part in parts.values() if part.seen is not None]
    families = dict.fromkeys(family for each in seen for family in each.faults)
    tried = {
        family: len(frozenset().union(*(each.faults.get(family, ()) for each in seen))) for family in families
    }
    goals = [part.unreached for part in parts.values()]
    result = Result(
        scenario,
        states=len(frozenset().union(*(each.states for each in seen))),
        calls=sum(part.calls for part in parts.values()),
        exhaustive=all(part.exhaustive for part in parts.values()),
        seconds=sum(part.seconds for part in parts.values()),
        violations=_first(subject, [*parts.values()], shorter),
        apart={name: trace for part in parts.values() for name, trace in part.apart.items()},
        unreached=tuple(goal for goal in goals[0] if all(goal in each for each in goals)),
        needs=_needs(parts.values()),
        faults={family: number for family, number in tried.items() if number},
    )
    unfinished = _unfinished(parts)
    if len({each.basis for each in seen}) > 1:
        result.exhaustive = False
        unfinished.append("its shards did not begin with the same states; search it in one")
    if unfinished:
        result.reason = ", ".join(unfinished)
    elif result.unreached:
        result.reason = f"never reached: {', '.join(result.unreached)}"
    return result


def _needs(parts: Collection[Result]) -> str:
    """What the subject never did in any part; empty if it did in one."""
    needs = {part.needs for part in parts}
    return needs.pop() if len(needs) == 1 else ""


def _unfinished(parts: Mapping[int, Result]) -> list[str]:
    """Which shards have not finished their parts, and why."""
    why: dict[str, list[int]] = {}
    for number, part in parts.items():
        if not part.exhaustive:
            why.setdefault(part.reason, []).append(number)
    return [
        f"shard{'s' * (len(numbers) > 1)} {' and '.join(map(str, numbers))}: {reason}"
        for reason, numbers in why.items()
    ]


def _first(subject: Subject, parts: Sequence[Result], shorter: Mapping[str, Trace]) -> dict[str, Trace]:
    """The violation of each invariant that a single search would have kept.

    Preferred: a violation for which the subject is to blame, then fewer faults, then fewer moves.
    """

    def order(candidate: tuple[bool, Trace]) -> tuple[bool, bool, int, str]:
        is_longer, trace = candidate
        return subject.name not in to_blame(trace), is_longer, len(trace.moves), trace.schedule

    candidates: dict[str, list[tuple[bool, Trace]]] = {}
    for part in parts:
        for invariant, trace in part.violations.items():
            candidates.setdefault(invariant, []).append((True, trace))
    for invariant in candidates:
        if invariant in shorter:
            candidates[invariant].append((False, shorter[invariant]))
    return {invariant: min(each, key=order)[1] for invariant, each in candidates.items()}
