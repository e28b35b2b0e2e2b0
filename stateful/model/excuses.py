"""What a process is excused after a fault: which guarantees of a protocol do not count for it any more.

A process that was told EIO may give up, and an owner whose record was removed need not be found.
``at_most_one_owner`` and ``a_dead_owner_can_be_replaced`` are guaranteed whatever happens, but for this: a
process that was at work in a home that is gone owns nothing of the next one; nor does an owner of whose
files one was taken away and another one was changed too, since by then nothing on the disk need tell of it.

Which excuse a fault gives, its row says: see ``faults``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Final, NamedTuple

from stateful.model.roles import Role, Text

SEVERAL: Final = "/"  # instead of the name of one file


class Reason(StrEnum):
    """What happened in the time of a process."""

    NONE = ""
    CALLS = "calls"  # a call of the process failed, or the disk was failing
    CLOCK = "clock"  # the wall clock was set, so a note of the process may be out of date
    FILES = "files"  # the content of a file of the home was changed, by no process
    TAKEN = "taken"  # a file of the home was taken away, by no process
    HOMELESS = "homeless"  # the home is gone, or too much of it to tell


class Excuse(NamedTuple):
    """What happened in the time of a process, as far as it excuses anything.

    Attributes:
        file: the name of the file that was changed or taken away.
    """

    reason: Annotated[Reason, Role.NUMBER] = Reason.NONE
    file: Text = ""

    def __str__(self) -> str:
        return f"{self.reason} {self.file}" if self.file else str(self.reason)

    @property
    def hinders(self) -> bool:
        """Whether the process may fail at what it is there for."""
        return self.reason not in (Reason.NONE, Reason.CLOCK)

    @property
    def is_of_files(self) -> bool:
        """Whether files of the home were changed."""
        return self.reason in (Reason.FILES, Reason.TAKEN, Reason.HOMELESS)

    def and_then(self, other: Excuse) -> Excuse:
        """The excuse of a process that gets another one."""
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
        return self if self.hinders or other.reason is Reason.NONE else other

    def after_move(self, disk_fails: bool) -> Excuse:
        """The excuse of a process that has moved."""
        return self.and_then(Excuse(Reason.CALLS)) if disk_fails else self


NO_EXCUSE: Final = Excuse()
