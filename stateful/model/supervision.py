"""Supervised scenarios: units, what happens to them and when, and for how long they are watched.

They are not searched but played once, in virtual time. The search covers the races of starts and kills; here
hours pass, which shows whether supervisors and the protocol come to rest together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from stateful.model.supervisor import Container, Launchd, Never, Supervisor, Systemd

MINUTE_S: Final = 60
HOUR_S: Final = 60 * MINUTE_S


class Unit(NamedTuple):
    """What a supervisor runs.

    Attributes:
        life: the life of each of its processes.
        starts_at_s: when it is first started.
        keeps_pid: each of its processes has the pid of the first one, as in a container.
    """

    life: str
    supervisor: Supervisor
    starts_at_s: float = 0
    keeps_pid: bool = False


class Blow(NamedTuple):
    """A signal, ``crash`` or ``term``, that the world sends to the current process of a unit at a time."""

    at_s: float
    kind: str
    letter: str


@dataclass(frozen=True)
class Supervision:
    """The part of a scenario that is about supervisors; its units are A, B, C.

    Attributes:
        watched_s: for how long it is played after the last event from outside.
        owned: whether a process must own the gateway at the end.
    """

    name: str
    title: str
    units: tuple[Unit, ...]
    blows: tuple[Blow, ...] = ()
    watched_s: float = 12 * HOUR_S
    owned: bool = True

    @property
    def blow_kinds(self) -> frozenset[str]:
        """The kinds of the events from outside."""
        return frozenset(blow.kind for blow in self.blows)

    @property
    def last_at_s(self) -> float:
        """When the last event from outside happens."""
        return max([*(unit.starts_at_s for unit in self.units), *(blow.at_s for blow in self.blows)])


KILLED_ONCE: Final = (Blow(MINUTE_S, "crash", "A"),)


def _outage(name: str, title: str, supervisor: Supervisor, *, keeps_pid: bool = False) -> Supervision:
    unit = Unit("start", supervisor, keeps_pid=keeps_pid)
    return Supervision(name, f"owner is killed once under {title}", (unit,), KILLED_ONCE)


def _replacing(name: str, title: str, supervisor: Supervisor) -> Supervision:
    """Two units for one home, each of which replaces the running gateway; the second starts a second later.

    Starts are more than two seconds apart, so that systemd's start limit does not end a fight that goes on.
    """
    units = Unit("replace", supervisor), Unit("replace", supervisor, starts_at_s=1)
    return Supervision(name, f"two units replace each other, {title}", units, watched_s=10 * MINUTE_S)


SUPERVISIONS: Final = (
    _outage("outage-under-launchd", "launchd", Launchd(throttle_s=15)),
    _outage("outage-under-systemd", "systemd", Systemd()),
    _outage("outage-in-a-container", "docker", Container(), keeps_pid=True),
    _replacing("units-replacing-under-launchd", "SuccessfulExit=false", Launchd(successful_exit=False)),
    _replacing("units-replacing-under-systemd", "Restart=on-failure", Systemd(restart_s=5)),
    Supervision(
        "term-and-stop-under-systemd",
        "owner is sent SIGTERM, and stopped as planned later",
        (Unit("start", Systemd()), Unit("stop", Never(), starts_at_s=HOUR_S)),
        (Blow(MINUTE_S, "term", "A"),),
        owned=False,
    ),
)

# Played by name only: no protocol settles under these, or they show much the same as others.
SUPERVISIONS_BY_NAME: Final = (
    _outage("outage-under-slow-systemd", "systemd, RestartSec=15", Systemd(restart_s=15)),
    _outage("outage-in-a-host-pid-container", "docker --pid host", Container()),
    _replacing("units-replacing-keep-alive", "KeepAlive=true", Launchd()),
    _replacing("units-replacing-always", "Restart=always", Systemd("always", restart_s=5)),
)
