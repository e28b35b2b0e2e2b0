"""at_most_one_owner: the ticket that is listed first owns, as if folders listed the oldest one first."""

from __future__ import annotations

from pathlib import Path

from stateful.subjects.overrides import overrides
from stateful.subjects.variants import lowest_ticket_owns
from stateful.subjects.variants.lowest_ticket_owns import gateway


@overrides(lowest_ticket_owns)
def in_order(tickets: Path) -> list[Path]:
    return list(tickets.iterdir())
