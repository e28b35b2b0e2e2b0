"""The interface of deciders of whole scenarios: a decider chooses the moves and reports the results.

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
        """The result of each scenario; a later result of the same scenario replaces the earlier one."""

    def so_far(self) -> Result:
        """What has been found so far in the current scenario."""

    def close(self) -> None:
        """Release all resources."""
