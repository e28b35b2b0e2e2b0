"""What a search finds in one scenario, and the verdict that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from stateful.model.call import UnmodelledSyscall
from stateful.model.chronicle import Chronicle
from stateful.model.scenario import Scenario
from stateful.model.schedule import Move
from stateful.model.trace import Trace
from stateful.run.replay import Nondeterminism
from stateful.search.part import Seen
from stateful.search.power_losses import Lost

HOLDS, VIOLATED, UNKNOWN = "holds", "violated", "unknown"
NOT_APPLICABLE = "not applicable"  # what the scenario asks for never happens with this subject
NOT_OFFERED = "not offered"  # the subject lacks a life of the scenario: nothing is claimed


@dataclass
class Result:
    """What the search found in one scenario.

    Attributes:
        states: how many distinct states were reached.
        exhaustive: whether these are all states; for a supervised scenario, whether it was played to its end.
        calls: how many calls were made for real; the others were looked up.
        violations: the first trace found for each invariant that is broken.
        apart: the first trace of each invariant that is told apart, and is no violation.
        unreached: the goals that no execution reached.
        reason: why the verdict is unknown.
        faults: how many faults were tried, by family.
        power_losses: what power losses have shown, by profile.
        missing: the lives of the scenario that the subject does not offer; if any, nothing is searched.
        refusal: why the search of the scenario was given up; None if it was not.
        needs: what the subject never did, so that the scenario asked nothing; empty if it did.
        chronicle: what happened in a supervised scenario, which is played once and has no states.
        broken: for a referee, the moves that break each invariant, even if they break others too.
        seen: what was visited, if the search is one of several parts.
    """

    scenario: Scenario
    states: int = 0
    calls: int = 0
    exhaustive: bool = False
    seconds: float = 0.0
    violations: dict[str, Trace] = field(default_factory=dict)
    unreached: tuple[str, ...] = ()
    reason: str = ""
    missing: tuple[str, ...] = ()
    needs: str = ""
    refusal: UnmodelledSyscall | Nondeterminism | None = None
    faults: dict[str, int] = field(default_factory=dict)
    chronicle: Chronicle | None = None
    power_losses: dict[str, Lost] = field(default_factory=dict)
    seen: Seen | None = None
    broken: dict[str, list[Move]] = field(default_factory=dict)
    apart: dict[str, Trace] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether the search has ended, with or without a verdict."""
        return self.exhaustive or bool(self.reason or self.missing)

    @property
    def is_left_out(self) -> bool:
        """Whether the scenario has nothing to ask of this subject."""
        return bool(self.missing or self.needs)

    @property
    def verdict(self) -> str:
        if self.missing:
            return NOT_OFFERED
        if self.needs:
            return NOT_APPLICABLE
        if self.violations:
            return VIOLATED
        asked = self.exhaustive and (self.states > 0 or self.chronicle is not None)
        return HOLDS if asked and not self.unreached else UNKNOWN
