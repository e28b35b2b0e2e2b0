"""What the arguments of the rules of the Hypothesis machine are drawn from.

A turn may end where something may go wrong: before a call that another process notices, or that conflicts
with what another is about to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from hypothesis import strategies as st

from stateful.explain.conflict import conflict
from stateful.model.call import Call
from stateful.model.hostile import HOSTILE, IN_ITS_PLACE
from stateful.model.standard import OPEN_ENDED
from stateful.model.usage import row
from stateful.python.interpreter import Interpreter
from stateful.run.execution import Execution
from stateful.run.presence import running
from stateful.sample.acts import ACTS


def _would_conflict(execution: Execution, process: Interpreter) -> bool:
    """Whether a process is about to make a call that conflicts with what another is about to make."""
    own = execution.upcoming(process.letter)
    others = (execution.upcoming(letter) for letter in running(execution) if letter != process.letter)
    return own is not None and any(other and conflict(execution.trace, own, other) for other in others)


def _would(is_one: Callable[[Call], bool]) -> Callable[[Execution, Interpreter], bool]:
    return lambda execution, process: process.pending is not None and is_one(process.pending)


TO_END: Final = "to its end"
HAS_CONFLICTED: Final = "has conflicted"
# A turn until it ends before a call of which this is true, or after it: ``HAS_CONFLICTED``.
IT: Final[dict[str, Callable[[Execution, Interpreter], bool]]] = {
    "would wait": _would(lambda call: row(call).passes_time),
    "would conflict": _would_conflict,
    HAS_CONFLICTED: _would_conflict,
    **{f"would {act}": _would(is_one) for act, is_one in ACTS.items()},
}

DISKS: Final = {scenario.disk.name: scenario for scenario in OPEN_ENDED}
DISK: Final = st.sampled_from(("empty", "stale", *DISKS))
WRONG: Final = ("none", "signals", "all")  # the faults that may happen in an execution
CALLS: Final = st.integers(1, 4) | st.integers(1, 48)
# How long a turn is: so many calls, with none of which a process has only begun; until the next call is of a
# kind; or until it owns, waits or has ended.
TURN: Final = CALLS | st.just(0) | st.sampled_from([f"until it {it}" for it in IT]) | st.just(TO_END)
SECONDS: Final = st.sampled_from((1, 15, 60, 300, 3_600, 86_400, 172_800))
LONG: Final = st.sampled_from((60, 3_600, 86_400, 2_678_400, 34_560_000))  # seconds
CONTENT: Final = st.sampled_from((*HOSTILE, *IN_ITS_PLACE)) | st.binary(max_size=32).map(
    lambda data: f"0x{data.hex()}"
)


def one_of(names: Callable[[Any], Iterable[str]]) -> st.SearchStrategy[str]:
    """One of the names that a function of the machine gives; empty if it gives none."""
    return st.runner().flatmap(lambda machine: st.sampled_from(sorted(names(machine)) or [""]))
