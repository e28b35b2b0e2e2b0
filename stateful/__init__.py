"""Verifies single-owner protocols: PID files, lock files, single-instance guards.

A *subject* (``stateful.protocol.subject``) runs unmodified, as several processes, on a simulated operating
system (``stateful.kernel``) over real files. A *scenario* says which processes run, on which disk, with which
faults. A *decider* chooses which process makes the next system call: a given schedule (``stateful.run``), an
exhaustive search of every state (``stateful.search``), or Hypothesis (``stateful.sample``). After each step
the *invariants* (``stateful.model.invariants``) are checked; a trace that breaks one is printed
(``stateful.report``) as a counterexample that a person can read, replay and believe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stateful.run.replay import replay
from stateful.verification.verification import verify

if TYPE_CHECKING:
    from stateful.command.pytest_suite import conformance
    from stateful.sample.single_owner_machine import SingleOwnerMachine

__all__ = ["SingleOwnerMachine", "conformance", "replay", "verify"]


def __getattr__(name: str) -> Any:
    """Import what needs Hypothesis or pytest only when it is used."""
    if name == "SingleOwnerMachine":
        from stateful.report.text import failure_text
        from stateful.sample.invariant_violated import write_counterexamples_with
        from stateful.sample.single_owner_machine import SingleOwnerMachine

        write_counterexamples_with(failure_text)
        return SingleOwnerMachine
    if name == "conformance":
        from stateful.command.pytest_suite import conformance

        return conformance
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
