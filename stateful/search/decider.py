"""What every decider of whole scenarios is: it chooses the moves, and tells what came of them.

There are two: the exhaustive search (``search/explorer``), and virtual time under supervisors
(``search/supervised``). A further one, such as dynamic partial-order reduction, is a file with a class like
these and a line in ``decider_of`` in ``search/jobs``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from stateful.search.result import Result


class Decider(Protocol):
    """Finds the results of some scenarios of one cast on one disk."""

    def run(self) -> Iterator[Result]:
        """The result of each scenario; one that was found again on another way replaces the one before."""

    def so_far(self) -> Result:
        """What has been found of the scenario that is under way."""

    def close(self) -> None:
        """Leave nothing behind."""
