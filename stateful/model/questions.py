"""The questions asked of a state: which life one fresh process lives alone there, and beside which owners.

Can the gateway start again, or a stopped owner be replaced? Does a query find the owner, and no other
process? Does a query change anything? The exhaustive search asks every state, sampling asks the last state of
an execution. The invariants judge the answers.

If two subjects run in one home, each question is asked of both: the other can start after anything that one
leaves behind, and a query of either finds the owner.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from stateful.model.life import plain


class Question(NamedTuple):
    """A life that one process lives alone, after all processes but the spared ones were killed.

    Attributes:
        spared: the letters of the owners that stay alive meanwhile, without moving. Beside a replace they are
            stopped.
        disk_fails: the disk stays full or read-only; otherwise it is repaired first.
    """

    life: str
    spared: tuple[str, ...] = ()
    disk_fails: bool = False


def questions_of(
    lives: Collection[str], owners: Sequence[str], *, stopped: bool, disk_fails: bool
) -> Iterator[Question]:
    """The questions that are asked of a state.

    Args:
        lives: the lives that the subject offers.
        stopped: whether there is one owner, and it is stopped.
    """
    spared = tuple(owners)
    for life in lives:
        role = plain(life)
        if role == "start":
            yield Question(life)
            if spared:
                yield Question(life, spared)
            if disk_fails:
                yield Question(life, disk_fails=True)
        # More is required of a query without clean-up, so one with it is then asked only beside owners.
        elif (
            role == "peek"
            or (role == "status" and (spared or life.replace("status", "peek") not in lives))
            or (role == "replace" and stopped)
        ):
            yield Question(life, spared)
