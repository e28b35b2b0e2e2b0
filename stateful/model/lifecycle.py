"""The life of a process as the kernel and reports see it: its phases, its entry in the table, its end."""

from __future__ import annotations

import signal
from typing import NamedTuple

from stateful.model.roles import Letter, Number, Text, Value

STARTING, OWNER, LEAVING = "starting", "owner", "leaving"


class Outcome(NamedTuple):
    """How a process ended, and a value, which depends on the kind of end.

    ``released``, ``refused`` or ``failed``: the text of the error that it raised, if it did. ``answered``:
    the pid that a query answered. ``returned``: what a stop returned. ``killed``: the signal.

    Attributes:
        errno: the errno of the error, if the process failed with an OSError.
        status: the exit status, as a parent sees it; None if the process was killed.
        tells_plans: whether the status distinguishes a planned end from others: see ``Interpreter``.
    """

    kind: Text
    value: Value = None
    errno: Number | None = None
    status: Number | None = None
    tells_plans: bool = False


class Entry(NamedTuple):
    """The entry of a live process in the process table; its pid follows from the letter.

    Attributes:
        folder: its working directory, which ``/proc`` shows.
    """

    letter: Letter
    life: Text
    folder: Text
    stopped: bool
    signals: tuple[Number, ...]
    dispositions: tuple[tuple[Number, Text], ...]
    comm: Text


def signal_name(number: int) -> str:
    """The name of a signal, as in ``SIGTERM``; its number where it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
