"""Each supervisor does what its manual says; each case quotes the sentence."""

from __future__ import annotations

import pytest

from stateful.model.supervisor import SECOND, Container, Launchd, Never, Run, Supervisor, Systemd

Ending = int | str


def runs(*lasting: tuple[float, Ending], started_again_after_s: float = 0.1) -> list[Run]:
    """Runs of one unit, each of which lasted so many seconds and ended so."""
    made: list[Run] = []
    for number, (seconds, ending) in enumerate(lasting):
        begin = (made[-1].ended or 0) + round(started_again_after_s * SECOND) if made else 0
        status, signal = (ending, "") if isinstance(ending, int) else (None, ending)
        end = begin + round(seconds * SECOND)
        made.append(Run("A", 101 + number, begin, None, end, status, signal))
    return made


def delay_s(supervisor: Supervisor, *lasting: tuple[float, Ending]) -> float | None:
    delay = supervisor.after(runs(*lasting)).delay
    return None if delay is None else delay / SECOND


# Which ending leads to another start: exit status 0, exit status 1, SIGTERM, SIGKILL.
ENDINGS: tuple[Ending, ...] = (0, 1, "SIGTERM", "SIGKILL")
RESTARTS = {
    # launchd.plist(5), KeepAlive: "The value may be set to true to unconditionally keep the job alive."
    "launchd-true": (Launchd(), ENDINGS),
    # "The default is false and therefore only demand will start the job."
    "launchd-false": (Launchd(keep_alive=False), ()),
    # SuccessfulExit: "If true, the job will be restarted as long as the program exits and with an exit
    # status of zero. If false, the job will be restarted in the inverse condition."
    "launchd-successful": (Launchd(successful_exit=True), (0,)),
    "launchd-unsuccessful": (Launchd(successful_exit=False), (1, "SIGTERM", "SIGKILL")),
    # systemd.service(5), Restart: "If set to no (the default), the service will not be restarted."
    "systemd-no": (Systemd("no"), ()),
    # "If set to on-success, it will be restarted only when the service process exits cleanly. In this
    # context, a clean exit means any of the following: exit code of 0; for types other than Type=oneshot,
    # one of the signals SIGHUP, SIGINT, SIGTERM, or SIGPIPE".
    "systemd-on-success": (Systemd("on-success"), (0, "SIGTERM")),
    # "If set to on-failure, the service will be restarted when the process exits with a non-zero exit code,
    # is terminated by a signal (including on core dump, but excluding the aforementioned four signals)".
    "systemd-on-failure": (Systemd("on-failure"), (1, "SIGKILL")),
    # "If set to on-abnormal, the service will be restarted when the process is terminated by a signal
    # (including on core dump, excluding the aforementioned four signals)".
    "systemd-on-abnormal": (Systemd("on-abnormal"), ("SIGKILL",)),
    # "If set to always, the service will be restarted regardless of whether it exited cleanly or not".
    "systemd-always": (Systemd("always"), ENDINGS),
    # SuccessExitStatus: "exit status definitions that, when returned by the main service process, will be
    # considered successful termination, in addition to the normal successful exit status 0 and the signals
    # SIGHUP, SIGINT, SIGTERM, and SIGPIPE."
    "systemd-success": (Systemd("on-failure", success_exit_status=(1,)), ("SIGKILL",)),
    # RestartPreventExitStatus: "when returned by the main service process, will prevent automatic service
    # restarts, regardless of the restart setting configured with Restart=."
    "systemd-prevent": (Systemd("always", prevent_exit_status=(1, "SIGKILL")), (0, "SIGTERM")),
    # RestartForceExitStatus: "will force automatic service restarts, regardless of the restart setting".
    "systemd-force": (Systemd("no", force_exit_status=(1, "SIGTERM")), (1, "SIGTERM")),
    # Of both, the exception is looked at first: service_shall_restart() in service.c.
    "systemd-both": (Systemd("no", force_exit_status=(0, 1), prevent_exit_status=(1,)), (0,)),
    # docker: "no: Don't automatically restart the container. (Default)"
    "docker-no": (Container("no"), ()),
    # "on-failure[:max-retries]: Restart the container if it exits due to an error, which manifests as a
    # non-zero exit code." One that a signal ends has 128 and its number.
    "docker-on-failure": (Container("on-failure"), (1, "SIGTERM", "SIGKILL")),
    # "always: Always restart the container if it stops."
    "docker-always": (Container("always"), ENDINGS),
    # "unless-stopped: Similar to always, except that when the container is stopped (manually or otherwise),
    # it isn't restarted even after Docker daemon restarts."
    "docker-unless-stopped": (Container("unless-stopped"), ENDINGS),
    "by-hand": (Never(), ()),
}


@pytest.mark.parametrize("name", RESTARTS)
def test_restarts_after_the_endings_that_the_manual_names(name: str) -> None:
    supervisor, endings = RESTARTS[name]
    restarting = [ending for ending in ENDINGS if delay_s(supervisor, (100, ending)) is not None]
    assert restarting == list(endings)


@pytest.mark.parametrize(("lasted_s", "delay"), ((0, 15), (4, 11), (15, 0), (3600, 0)))
def test_launchd_counts_its_throttle_between_starts(lasted_s: float, delay: float) -> None:
    """ThrottleInterval: "jobs will not be spawned more than once every 10 seconds", which it overrides."""
    assert delay_s(Launchd(throttle_s=15), (lasted_s, 1)) == delay


def test_launchd_throttles_to_ten_seconds_unless_told_otherwise() -> None:
    """ThrottleInterval: "The value is in seconds, and by default, jobs will not be spawned more than once
    every 10 seconds."
    """
    assert delay_s(Launchd(), (0, 1)) == 10


@pytest.mark.parametrize("lasted_s", (0, 3600))
def test_systemd_waits_the_same_whatever_came_before(lasted_s: float) -> None:
    """RestartSec: "the time to sleep before restarting a service ... Defaults to 100ms"."""
    assert delay_s(Systemd(), (lasted_s, 1)) == 0.1
    assert delay_s(Systemd(restart_s=15), (lasted_s, 1)) == 15


def test_systemd_starts_no_more_than_the_burst_within_the_interval() -> None:
    """StartLimitBurst: "Units which are started more than burst times within an interval time span are not
    permitted to start any more", by default 5 in 10 s.
    """
    assert delay_s(Systemd(), *[(0, 1)] * 4) == 0.1
    assert delay_s(Systemd(), *[(0, 1)] * 5) is None
    assert "StartLimitBurst=5" in Systemd().after(runs(*[(0, 1)] * 5)).reason


def test_systemd_limits_starts_forced_by_an_exit_status_too() -> None:
    """ "They apply to all kinds of starts (including manual)"."""
    assert delay_s(Systemd("no", force_exit_status=(1,)), *[(0, 1)] * 5) is None


def test_systemd_never_reaches_the_limit_with_a_long_pause() -> None:
    supervisor = Systemd(restart_s=15)
    assert supervisor.after(runs(*[(0, 1)] * 100, started_again_after_s=15)).delay == 15 * SECOND


def test_systemd_forgets_starts_when_the_interval_has_passed() -> None:
    assert delay_s(Systemd(), *[(0, 1)] * 4, (20, 1), *[(0, 1)] * 3) == 0.1


def test_systemd_has_no_start_limit_with_an_interval_of_zero() -> None:
    """StartLimitIntervalSec: "set to 0 to disable any kind of rate limiting"."""
    assert delay_s(Systemd(start_limit_interval_s=0), *[(0, 1)] * 100) == 0.1


def test_docker_doubles_its_delay_up_to_a_minute() -> None:
    """ "An increasing delay (double the previous delay, starting at 100 milliseconds) is added before each
    restart", "until either the on-failure limit, the maximum delay of 1 minute is hit".
    """
    delays = [delay_s(Container("always"), *[(0, 1)] * number) for number in range(1, 13)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 60, 60]


def test_docker_begins_again_after_ten_seconds_of_running() -> None:
    """ "If a container is successfully restarted (the container is started and runs for at least 10 seconds),
    the delay is reset to its default value of 100 ms."
    """
    assert delay_s(Container("always"), *[(0, 1)] * 5, (10, 1)) == 0.1
    assert delay_s(Container("always"), *[(0, 1)] * 5, (10, 1), (9.9, 1)) == 0.2


def test_docker_retries_on_failure_as_often_as_it_is_allowed() -> None:
    """ "Optionally, limit the number of times the Docker daemon attempts to restart the container"."""
    supervisor = Container("on-failure", most_retries=3)
    assert delay_s(supervisor, *[(0, 1)] * 3) == 0.4
    assert delay_s(supervisor, *[(0, 1)] * 4) is None
