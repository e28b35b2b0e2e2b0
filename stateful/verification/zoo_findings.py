"""Verifies real libraries (``stateful.subjects.zoo``), each in the same few scenarios.

All scenarios begin on an empty disk: a killed process leaves the library's own stale record there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from stateful.host import confirm
from stateful.model.call import UnmodelledSyscall
from stateful.model.invariants import at_most_one_owner
from stateful.model.standard import find_scenario
from stateful.model.trace import Trace
from stateful.protocol.subject import find_subject
from stateful.run.replay import Nondeterminism
from stateful.search.result import HOLDS, NOT_OFFERED
from stateful.subjects.zoo import PREFIX
from stateful.verification.verification import DEFAULT_BUDGET_S, verify

NOT_MODELLED: Final = "not modelled"

SCENARIOS: Final = tuple(
    map(
        find_scenario,
        (
            "one-start-empty",
            "one-start-empty-1-kill",
            "two-starts-empty",
            "two-starts-empty-1-kill",
            "two-starts-empty-2-kills",
            "start-and-status-empty",
            "start-and-status-empty-1-kill",
            "exit-and-start-empty",
            "exit-and-start-empty-1-kill",
            "three-starts-empty",
            "three-starts-empty-1-kill",
        ),
    )
)


@dataclass(frozen=True)
class Finding:
    """The result of one entry of the zoo.

    Attributes:
        verdict: as for any subject; or NOT_MODELLED; or NOT_OFFERED, if nothing is violated and the library
            does not promise a single owner.
        violated: the violated invariants.
        not_offered: the invariants that the library does not promise, each with the adapter's phrase for it.
        reason: which call is not modelled, or why the verdict is unknown.
        trace: the smallest trace of the first violated invariant.
        host: whether the host confirms that trace; empty if there is none.
    """

    name: str
    verdict: str
    violated: tuple[str, ...] = ()
    not_offered: tuple[tuple[str, str], ...] = ()
    reason: str = ""
    trace: Trace | None = None
    host: str = ""


def look_at(name: str, *, budget_s: float = DEFAULT_BUDGET_S, workers: int = 1) -> Finding:
    """Verify an entry of the zoo. Raises SubjectError if it cannot be installed or imported."""
    subject = find_subject(PREFIX + name)
    try:
        found = verify(subject, SCENARIOS, budget_s=budget_s, workers=workers)
    except (UnmodelledSyscall, Nondeterminism) as error:
        return Finding(name, NOT_MODELLED, reason=str(error))
    trace = next(iter(found.violations.values()), None)
    host = confirm(subject, find_scenario(trace.scenario), trace).verdict if trace else ""
    offers_one_owner = at_most_one_owner.__name__ not in found.offer.invariants_not_offered
    return Finding(
        name,
        found.verdict if offers_one_owner or found.verdict != HOLDS else NOT_OFFERED,
        tuple(found.violations),
        found.offer.not_offered,
        next((result.reason for result in found.results if result.reason), ""),
        trace,
        host,
    )
