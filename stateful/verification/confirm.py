"""Plays every violation of a verification with real processes."""

from __future__ import annotations

from stateful.host import UNPLAYABLE, Confirmation, Host
from stateful.model.chronicle import Chronicle
from stateful.verification.verification import Verification


def confirm_all(verification: Verification) -> None:
    """Record for each violation of a verification whether real processes do the same."""
    with Host() as host:
        for result in verification.results:
            for trace in result.violations.values():
                if isinstance(trace, Chronicle):
                    trace.confirmation = Confirmation(UNPLAYABLE, "it goes on for hours of virtual time.")
                else:
                    trace.confirmation = host.confirm(verification.subject, result.scenario, trace)
