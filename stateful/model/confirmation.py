"""The result of playing a schedule with real processes: confirmed, differs, in doubt, or not to be played."""

from __future__ import annotations

from typing import Final, NamedTuple

CONFIRMED, DIFFERS, UNPLAYABLE = "confirmed", "differs", "cannot be played"
IN_DOUBT: Final = (
    "in doubt"  # the play confirms it, which is not all real, and the stand-alone script does not
)
HEADS: Final = {
    CONFIRMED: "Confirmed on the host",
    DIFFERS: "Not confirmed",
    UNPLAYABLE: "Cannot be played on this host",
    IN_DOUBT: "In doubt",
}


class Confirmation(NamedTuple):
    """The verdict of the host on a trace, and the sentence that says why."""

    verdict: str
    sentence: str

    @property
    def confirmed(self) -> bool | None:
        """Whether the host does the same; None if that cannot be told there."""
        return None if self.verdict in (UNPLAYABLE, IN_DOUBT) else self.verdict == CONFIRMED

    def __str__(self) -> str:
        return f"{HEADS[self.verdict]}: {self.sentence}"


class Differs(Exception):
    """The host does something else than the simulation; the message says what."""


class Unplayable(Exception):
    """This host cannot play a schedule; the message says why."""


class Uneven(Exception):
    """The host gave pids of different lengths, as it does when its pids wrap around."""
