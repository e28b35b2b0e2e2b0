"""Excuses: which guarantees of a protocol no longer hold for a process after a fault.

A process whose call failed with EIO may give up, and an owner whose record was removed need not be found.
``at_most_one_owner`` and ``a_dead_owner_can_be_replaced`` are guaranteed after every fault, except that a
process no longer counts as owner once its home is gone, or once one of its files was removed and another one
changed: then nothing on the disk need tell of it.

The row of a fault says which excuse it gives: see ``faults``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, NamedTuple

from stateful.model.roles import Role, Text

SEVERAL: Final = "/"  # instead of the name of one file


class Reason(StrEnum):
    """What happened while a process lived."""

    NONE = ""
    CALLS = "calls"  # a call of the process failed, or the disk was failing
    PRIVATE = "private"  # the process met a file that is private to another user
    LINK = "link"  # a link stood in the place of a file, and led to another file of the user
    CLOCK = "clock"  # the wall clock was set, so a note of the process may be out of date
    FILES = "files"  # the world changed the content of a file in the home
    TAKEN = "taken"  # the world removed or replaced a file in the home
    HOMELESS = "homeless"  # the home is gone, or one of its files was removed and another one changed


class Excuse(NamedTuple):
    """What happened while a process lived, as far as it excuses the process.

    Attributes:
        file: the name of the file that was changed, removed or replaced; ``SEVERAL`` for more than one.
    """

    reason: Annotated[Reason, Role.NUMBER] = Reason.NONE
    file: Text = ""

    def __str__(self) -> str:
        return f"{self.reason} {self.file}" if self.file else str(self.reason)

    @property
    def hinders(self) -> bool:
        """Whether the process may fail at its task."""
        return self.reason not in (Reason.NONE, Reason.CLOCK)

    @property
    def is_of_files(self) -> bool:
        """Whether the world changed or removed files of the home."""
        return self.reason in (Reason.FILES, Reason.TAKEN, Reason.HOMELESS)

    def and_then(self, other: Excuse) -> Excuse:
        """This excuse combined with a later one."""
        if Reason.HOMELESS in (self.reason, other.reason):
            return Excuse(Reason.HOMELESS)
        same_file = self.file == other.file
        if other.reason is Reason.TAKEN:
            other_file_is_gone = self.is_of_files and not same_file
            return Excuse(Reason.HOMELESS) if other_file_is_gone else other
        if other.reason is Reason.FILES:
            if self.reason is Reason.TAKEN:
                return self if same_file else Excuse(Reason.HOMELESS)
            return other if self.reason is not Reason.FILES or same_file else Excuse(Reason.FILES, SEVERAL)
        if other.reason is Reason.LINK and not self.is_of_files:
            return other
        return self if self.hinders or other.reason is Reason.NONE else other

    def after_move(self, reason: Reason) -> Excuse:
        """This excuse after a step of the process on a disk that gives a reason to fail, or none."""
        return self.and_then(Excuse(reason))


NO_EXCUSE: Final = Excuse()
