"""The calls that real processes make: there is one for each that the kernel models."""

from __future__ import annotations

from stateful.host.calls import MADE_FOR_REAL
from stateful.kernel.files import IMPLEMENTATIONS

IN_THE_PLAYER = {"exit", "pause", "serve"}  # where a process waits or ends


def test_every_modelled_call_is_made_for_real() -> None:
    assert set(IMPLEMENTATIONS) - IN_THE_PLAYER == set(MADE_FOR_REAL)
