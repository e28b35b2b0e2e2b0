"""What is asked of a state: which life one fresh process is to live alone there, and beside whom.

Could the gateway start again, or a stopped owner be replaced? Is the owner found, and no other process? Do
queries touch anything? The exhaustive search asks it of every state, sampling of the last state of an
execution. What an answer breaks, the invariants say.

Where two subjects run in one home, each is asked of both: whatever one leaves behind, the other can start;
whichever owns, a query of the other finds it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from stateful.model.life import plain


class Question(NamedTuple):
    """A life to be lived alone; before it every process is killed that is not spared.

    Attributes:
        spared: the letters of the owners that go on living meanwhile, without moving. Those that a replace
            meets are stopped.
        disk_fails: the disk stays full or read-only; else it is made well before.
    """

    life: str
    spared: tuple[str, ...] = ()
    disk_fails: bool = False


def questions_of(
    lives: Collection[str], owners: Sequence[str], *, stopped: bool, disk_fails: bool
) -> Iterator[Question]:
    """The questions that are asked of a state.

    Args:
        lives: those that the subject offers.
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
        # Of a query without clean-up more is asked, so that one with it is asked beside an owner alone.
        elif (
            role == "peek"
            or (role == "status" and (spared or life.replace("status", "peek") not in lives))
            or (role == "replace" and stopped)
        ):
            yield Question(life, spared)
