"""What the world does to a Hypothesis machine: for each family of faults, those that may happen now.

They are told as in a schedule. The names of the families are those of the plans of scenarios.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from hypothesis import strategies as st

from stateful.deciders.power import JUDGED
from stateful.deciders.presence import fallible, files, living, pending, recyclings, running
from stateful.execution import Execution
from stateful.kernel.call_faults import faults_of
from stateful.kernel.faults import OF_A_PID
from stateful.kernel.hostile import HOSTILE, IN_ITS_PLACE
from stateful.kernel.power import POWER_LOSS

Faults = st.SearchStrategy[str]


def _one_of(texts: list[str]) -> Faults:
    return st.sampled_from(texts) if texts else st.nothing()


def _signal(kind: str, whom: Callable[[Execution], list[str]]) -> Callable[[Execution], Faults]:
    return lambda execution: _one_of([f"{kind}-{letter}" for letter in whom(execution)])


def _errnos(execution: Execution) -> Faults:
    """The next call of a process fails."""
    return _one_of(
        [
            f"{fault}-{letter}"
            for letter in fallible(execution)
            for fault in faults_of(pending(execution, letter))
        ]
    )


def _recycled(execution: Execution) -> Faults:
    """A pid goes to somebody else, the moment at which whoever has it is killed or later."""
    free = [str(move) for move in recyclings(execution)]
    alive = [] if execution.kernel.boots > 1 else living(execution)
    return _one_of([*free, *(f"crash-{letter} {kind}-{letter}" for letter in alive for kind in OF_A_PID)])


def _names(execution: Execution) -> list[str]:
    """The names of the files that a schedule can say."""
    return [name for name in files(execution) if re.fullmatch(r"[^\s=]+", name)]


def _corrupted(execution: Execution) -> Faults:
    """Other bytes stand in a file than anybody wrote."""
    how = st.sampled_from((*HOSTILE, *IN_ITS_PLACE)) | st.binary(max_size=64).map(
        lambda data: f"0x{data.hex()}"
    )
    return st.builds("corrupt-{}={}".format, _one_of(_names(execution)), how)


def _lost_power(execution: Execution) -> Faults:
    """Of what was not synced, something is left; once in an execution."""
    persistence = execution.kernel.persistence
    if persistence is None:
        return st.nothing()
    return st.sampled_from(JUDGED).flatmap(
        lambda profile: st.integers(1, max(1, len(persistence.images(profile).listed))).map(
            lambda number: f"{POWER_LOSS}-{profile}-{number}"
        )
    )


def _always(faults: Faults) -> Callable[[Execution], Faults]:
    return lambda execution: faults


FAMILIES: Final[dict[str, Callable[[Execution], Faults]]] = {
    "kill": _signal("crash", living),
    "sigterm": _signal("term", living),
    "sigstop": _signal("sigstop", running),
    "errno": _errnos,
    "recycled-pid": _recycled,
    "reboot": _always(st.just("reboot")),
    "bad-disk": _always(st.sampled_from(("disk-full", "read-only"))),
    "clock-step": _always((st.integers(1, 10**6) | st.integers(-(10**6), -1)).map("clock{:+}".format)),
    POWER_LOSS: _lost_power,
    "removal": lambda execution: _one_of([f"remove-{name}" for name in _names(execution)]),
    "corruption": _corrupted,
    "lost-home": _always(st.sampled_from(("home-gone", "home-new"))),
}
