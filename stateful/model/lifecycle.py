"""The life of a process as the kernel and reports see it: its phases, its entry in the table, its end."""

from __future__ import annotations

import signal
from typing import NamedTuple

from stateful.model.roles import Letter, Number, Text, Value

STARTING, OWNER, LEAVING = "starting", "owner", "leaving"


class Outcome(NamedTuple):
    """How a process ended, and the value.

    ``released``, ``refused`` or ``failed``: the text of the error that it raised, if it did. ``answered``:
    the pid that a status query answered. ``returned``: what a stop did. ``killed``: the signal.

    Attributes:
        errno: that of the error, where it failed with an OSError.
        status: the exit status, as a parent sees it; None where it was killed.
        tells_plans: whether that is to tell an end on purpose from another: see ``Process``.
    """

    kind: Text
    value: Value = None
    errno: Number | None = None
    status: Number | None = None
    tells_plans: bool = False


class Entry(NamedTuple):
    """What the process table says of a live process, beside what its pid follows from."""

    letter: Letter
    life: Text
    stopped: bool
    signals: tuple[Number, ...]
    dispositions: tuple[tuple[Number, Text], ...]


def signal_name(number: int) -> str:
    """The name of a signal, as in ``SIGTERM``; its number where it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
