"""What an exhaustive search finds in one scenario, and the verdict that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from stateful.scenario import Scenario
from stateful.trace import Trace

HOLDS, VIOLATED, UNKNOWN = "holds", "violated", "unknown"


@dataclass
class Result:
    """What the search found in one scenario.

    Attributes:
        states: how many distinct states were reached.
        exhaustive: whether these are all.
        calls: how many calls were made for real; the others were remembered.
        violations: the first trace found for each invariant that is broken.
        unreached: the goals that no execution reached.
        reason: why the verdict is unknown.
    """

    scenario: Scenario
    states: int = 0
    calls: int = 0
    exhaustive: bool = False
    seconds: float = 0.0
    violations: dict[str, Trace] = field(default_factory=dict)
    unreached: tuple[str, ...] = ()
    reason: str = ""

    @property
    def finished(self) -> bool:
        """Whether the search has ended, one way or another."""
        return self.exhaustive or bool(self.reason)

    @property
    def verdict(self) -> str:
        if self.violations:
            return VIOLATED
        return HOLDS if self.exhaustive and not self.unreached else UNKNOWN
