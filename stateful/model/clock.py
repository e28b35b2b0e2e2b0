"""The clocks of a machine: one value, from which every time that a process can read is derived."""

from __future__ import annotations

from typing import Final, NamedTuple

from stateful.model.roles import Number

MICROSECONDS: Final = 1_000_000  # in a second


class Clock(NamedTuple):
    """The time of a machine, in microseconds.

    Attributes:
        booted: when the machine was booted, by the wall clock as it is set now.
        monotonic: for how long it has run since then.
        suspended: for how long it was suspended since then.
    """

    booted: Number
    monotonic: Number
    suspended: Number = 0

    @property
    def wall(self) -> int:
        """The time since the epoch."""
        return self.booted + self.since_boot

    @property
    def since_boot(self) -> int:
        """The time since the machine was booted: that of ``CLOCK_BOOTTIME``."""
        return self.monotonic + self.suspended

    @property
    def boot_time_s(self) -> int:
        """When the machine was booted, as ``/proc/stat`` says it: it moves when the wall clock is set."""
        return self.booted // MICROSECONDS

    def after(self, microseconds: int) -> Clock:
        """The clocks after some time."""
        return self._replace(monotonic=self.monotonic + microseconds)

    def set_by(self, seconds: int) -> Clock:
        """The clocks when that of the wall is set ahead or back."""
        return self._replace(booted=self.booted + seconds * MICROSECONDS)

    def after_suspension(self, seconds: int) -> Clock:
        """The clocks after the machine was suspended."""
        return self._replace(suspended=self.suspended + seconds * MICROSECONDS)

    def rebooted(self) -> Clock:
        """The clocks after the machine was booted again, which took no time."""
        return Clock(self.wall, UPTIME_US)


UPTIME_US: Final = 55 * MICROSECONDS  # when the subject's first process is about to begin, after each boot
START: Final = Clock(1_750_000_000 * MICROSECONDS - UPTIME_US, UPTIME_US)
