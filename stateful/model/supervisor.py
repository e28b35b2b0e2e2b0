"""Supervisors: whether and when the next process is started after one has ended.

Each is a value: the settings of one unit, named as in the manuals. Given the runs of the unit so far, it
returns a delay and names the setting that decided.

Modelled: launchd.plist(5) ``KeepAlive`` (true, false, ``SuccessfulExit``) and ``ThrottleInterval``;
systemd.service(5) ``Restart``, ``RestartSec``, ``RestartForceExitStatus``, ``RestartPreventExitStatus`` and
``SuccessExitStatus``; systemd.unit(5) ``StartLimitBurst`` and ``StartLimitIntervalSec``; docker's restart
policies. Simplified: ``always`` and ``unless-stopped`` of docker differ only when its daemon starts again,
which it does not here. Not modelled: a stop by the supervisor on an operator's request, after which it starts
nothing; the conditions ``Crashed`` and ``PathState`` of launchd; ``on-abort`` and ``on-watchdog`` of
systemd, and its ``RestartSteps``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple, Protocol

SECOND: Final = 1_000_000

# "If set to on-failure, ... terminated by a signal (... but excluding the aforementioned four signals)."
CLEAN_SIGNALS: Final = frozenset({"SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE"})

DOCKER_FIRST_DELAY: Final = SECOND // 10
DOCKER_LONGEST_DELAY: Final = 60 * SECOND
DOCKER_SUCCESS: Final = 10 * SECOND


class Run(NamedTuple):
    """One process of a unit, as its supervisor sees it; times are microseconds of the clock.

    Attributes:
        letter: the unit.
        owned: when it began to own the gateway; None where it never did.
        ended: when it ended; None while it lives.
        status, signal: its exit status, or the name of the signal that ended it.
    """

    letter: str
    pid: int
    started: int
    owned: int | None = None
    ended: int | None = None
    status: int | None = None
    signal: str = ""

    @property
    def lasted(self) -> int:
        return (self.ended or self.started) - self.started

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        return self.signal or f"exit status {self.status}"


class Decision(NamedTuple):
    """What a supervisor does after a run: the delay until it starts the next run, or None, and why."""

    delay: int | None
    reason: str


class Supervisor(Protocol):
    """Decides whether and when a unit is started again."""

    @property
    def name(self) -> str: ...

    @property
    def settings(self) -> str: ...

    def after(self, runs: Sequence[Run]) -> Decision:
        """The decision after the last of the runs of a unit has ended."""
        ...


@dataclass(frozen=True)
class Never:
    """No supervisor: a process started by hand is not started again."""

    name = "nobody"
    settings = "started by hand"

    def after(self, runs: Sequence[Run]) -> Decision:
        return Decision(None, "it was started by hand")


@dataclass(frozen=True)
class Launchd:
    """launchd.plist(5); with ``successful_exit`` given, ``KeepAlive`` is a dictionary of that condition."""

    keep_alive: bool = True
    successful_exit: bool | None = None
    throttle_s: float = 10

    name = "launchd"

    @property
    def settings(self) -> str:
        return f"{self._keep_alive}, ThrottleInterval={self.throttle_s:g}"

    @property
    def _keep_alive(self) -> str:
        if self.successful_exit is None:
            return f"KeepAlive={str(self.keep_alive).lower()}"
        return f"SuccessfulExit={str(self.successful_exit).lower()}"

    def after(self, runs: Sequence[Run]) -> Decision:
        run = runs[-1]
        again = self.keep_alive
        if self.successful_exit is not None:
            again = (run.status == 0) == self.successful_exit
        if not again:
            return Decision(None, f"{self._keep_alive} lets {run.ending} be")
        # "By default, jobs will not be spawned more than once every 10 seconds": counted between starts.
        return Decision(
            max(0, _us(self.throttle_s) - run.lasted),
            f"{self._keep_alive} restarts {_after(run, always=self.successful_exit is None)}",
        )


@dataclass(frozen=True)
class Systemd:
    """systemd.service(5) and systemd.unit(5), with their defaults but for ``restart``.

    Exit statuses are numbers or names of signals, as ``RestartPreventExitStatus=1 SIGABRT`` takes them.
    """

    restart: str = "on-failure"
    restart_s: float = 0.1
    start_limit_burst: int = 5
    start_limit_interval_s: float = 10
    force_exit_status: tuple[int | str, ...] = ()
    prevent_exit_status: tuple[int | str, ...] = ()
    success_exit_status: tuple[int | str, ...] = ()

    name = "systemd"

    @property
    def settings(self) -> str:
        return f"Restart={self.restart}, RestartSec={self.restart_s:g}"

    def after(self, runs: Sequence[Run]) -> Decision:
        run = runs[-1]
        decision = self._after_ending(run)
        if decision.delay is None or not self.start_limit_interval_s:
            return decision
        assert run.ended is not None
        starts = [*(each.started for each in runs), run.ended + decision.delay]
        if _in_window(starts, _us(self.start_limit_interval_s)) <= self.start_limit_burst:
            return decision
        return Decision(
            None,
            f"StartLimitBurst={self.start_limit_burst} starts within StartLimitIntervalSec="
            f"{self.start_limit_interval_s:g} were used up",
        )

    def _after_ending(self, run: Run) -> Decision:
        code = run.signal or run.status
        if code in self.prevent_exit_status:
            return Decision(None, f"RestartPreventExitStatus names {run.ending}")
        if code in self.force_exit_status:
            return Decision(_us(self.restart_s), f"RestartForceExitStatus names {run.ending}")
        clean = code == 0 or code in CLEAN_SIGNALS or code in self.success_exit_status
        again = {
            "no": False,
            "always": True,
            "on-success": clean,
            "on-failure": not clean,
            "on-abnormal": bool(run.signal) and not clean,
        }[self.restart]
        if not again:
            return Decision(None, f"Restart={self.restart} lets {run.ending} be")
        when = _after(run, always=self.restart == "always")
        return Decision(_us(self.restart_s), f"Restart={self.restart} restarts {when}")


@dataclass(frozen=True)
class Container:
    """docker's restart policy: ``no``, ``on-failure``, ``always`` or ``unless-stopped``.

    Attributes:
        most_retries: of ``on-failure:max-retries``; 0 where there is no limit.
    """

    restart: str = "unless-stopped"
    most_retries: int = 0

    name = "docker"

    @property
    def settings(self) -> str:
        return f"--restart {self.restart}{f':{self.most_retries}' if self.most_retries else ''}"

    def after(self, runs: Sequence[Run]) -> Decision:
        run = runs[-1]
        if self.restart == "no":
            return Decision(None, f"{self.settings} lets it be")
        if self.restart == "on-failure":
            if run.status == 0:
                return Decision(None, f"{self.settings} lets {run.ending} be")
            if self.most_retries and len(runs) > self.most_retries:
                return Decision(None, f"{self.settings} allows no more restarts")
        when = _after(run, always=self.restart != "on-failure")
        return Decision(self._delay(runs), f"{self.settings} restarts {when}")

    def _delay(self, runs: Sequence[Run]) -> int:
        """100 ms after a first or a successful run, doubled after each run that was not successful."""
        delay = DOCKER_FIRST_DELAY
        for run in reversed(runs[1:]):
            if run.lasted >= DOCKER_SUCCESS or delay >= DOCKER_LONGEST_DELAY:
                break
            delay *= 2
        return min(delay, DOCKER_LONGEST_DELAY)


def _after(run: Run, *, always: bool) -> str:
    return "whatever happened" if always else f"after {run.ending}"


def _us(seconds: float) -> int:
    return round(seconds * SECOND)


def _in_window(starts: Sequence[int], interval: int) -> int:
    """How many starts fall into the window of the last start, including it.

    A window begins with a start, and the first start after its end begins the next: systemd's
    ``ratelimit_below``.
    """
    begin, number = -interval - 1, 0
    for start in _since_last_pause(starts, interval):
        if start > begin + interval:
            begin, number = start, 0
        number += 1
    return number


def _since_last_pause(starts: Sequence[int], interval: int) -> Iterator[int]:
    """The starts since the last one that certainly begins a window."""
    first = len(starts) - 1
    for later, earlier in pairwise(reversed(starts)):
        if later > earlier + interval:
            break
        first -= 1
    return iter(starts[first:])
