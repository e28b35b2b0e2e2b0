"""Supervised scenarios: the outage in virtual time, units that replace each other, supervisors' rules."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stateful.model.chronicle import Chronicle
from stateful.model.standard import SUPERVISED, SUPERVISED_BY_NAME, find_scenario, supervised
from stateful.model.supervision import HOUR_S, MINUTE_S, Blow, Supervision, Unit
from stateful.model.supervisor import SECOND, Container, Launchd, Supervisor, Systemd
from stateful.protocol.subject import find_subject
from stateful.report.verdict import points
from stateful.search.result import Result
from stateful.search.supervised import supervise
from stateful.verification.verification import verify

PLANTED = Path(__file__).parents[1] / "planted"
MISCONFIGURED = ("units-replacing-keep-alive-empty", "units-replacing-always-empty")

WAITING = """import os, signal, time

def gateway(home, serve):
    {before}
    serve()
"""


def play(subject: str, scenario: Supervision | str) -> Result:
    chosen = find_scenario(scenario) if isinstance(scenario, str) else supervised(scenario)
    return supervise(find_subject(subject), chosen)


def told(result: Result) -> Chronicle:
    assert result.chronicle is not None
    return result.chronicle


def sentence(result: Result) -> str:
    violation = told(result).violation
    assert violation is not None
    return violation.sentence


def planted(name: str) -> str:
    return str(PLANTED / f"{name}.py")


@pytest.fixture
def waiting(tmp_path: Path) -> Callable[[str], str]:
    def write(before: str) -> str:
        (tmp_path / "subject.py").write_text(WAITING.format(before=before))
        return str(tmp_path / "subject.py")

    return write


def outage(supervisor: Supervisor, **more: float) -> Supervision:
    return Supervision("o", "o", (Unit("start", supervisor),), (Blow(MINUTE_S, "crash", "A"),), **more)


# -- the outage -------------------------------------------------------------------------------------------


def test_crash_loop_under_launchd_goes_on_at_its_throttle_interval() -> None:
    """The whole outage, 2,880 respawns in 12 hours, is in ``tests/report/test_chronicle_text.py``."""
    result = play("foreign-guard", outage(Launchd(throttle_s=15), watched_s=HOUR_S))
    assert sentence(result) == "launchd respawned the gateway 240 times in 1 hour, and nobody owns it"
    starts = [run.started // SECOND for run in told(result).runs]
    assert starts == [0, *range(60, 3660, 15)]


@pytest.mark.parametrize(
    "name", [each.name for each in (*SUPERVISED, *SUPERVISED_BY_NAME) if each.name not in MISCONFIGURED]
)
def test_reference_is_unharmed_where_a_protocol_can_be(name: str) -> None:
    assert play("reference", name).verdict == "holds"


@pytest.mark.parametrize(
    "name", [each.name for each in (*SUPERVISED, *SUPERVISED_BY_NAME) if "outage" in each.name]
)
def test_one_respawn_of_the_reference_owns_to_the_end(name: str) -> None:
    chronicle = told(play("reference", name))
    assert chronicle.respawns == 1
    assert chronicle.owners == [chronicle.runs[1]]
    assert chronicle.runs[1].owned is not None
    assert chronicle.runs[1].owned - MINUTE_S * SECOND in (0, SECOND // 10, 15 * SECOND)


def test_start_limit_of_systemd_ends_the_crash_loop_and_the_gateway() -> None:
    result = play("foreign-guard", "outage-under-systemd-empty")
    assert sentence(result) == "systemd gave up after 5 respawns, and nobody owns the gateway"


def test_systemd_that_waits_for_15_seconds_never_reaches_its_start_limit() -> None:
    result = play("foreign-guard", outage(Systemd(restart_s=15), watched_s=HOUR_S))
    assert sentence(result) == "systemd respawned the gateway 239 times in 1 hour, and nobody owns it"


def test_back_off_of_docker_makes_the_outage_a_slow_one() -> None:
    result = play("foreign-guard", outage(Container(), watched_s=HOUR_S))
    assert sentence(result) == "docker respawned the gateway 68 times in 1 hour, and nobody owns it"


def test_pid_that_a_container_keeps_hides_the_outage() -> None:
    """Its own pid stands in the stale record, which the guard of that release let it remove."""
    chronicle = told(play("foreign-guard", "outage-in-a-container-empty"))
    assert chronicle.violation is None
    assert chronicle.respawns == 1
    assert {run.pid for run in chronicle.runs} == {101}


def test_docker_stops_when_its_retries_are_used_up() -> None:
    result = play("foreign-guard", outage(Container("on-failure", most_retries=3)))
    assert sentence(result) == "docker gave up after 3 respawns, and nobody owns the gateway"


def test_supervisor_that_lets_a_kill_be_is_said_to() -> None:
    result = play("reference", outage(Systemd("always", prevent_exit_status=("SIGKILL",))))
    assert sentence(result) == "systemd gave up at once, and nobody owns the gateway"
    assert told(result).decisions["A"].reason == "RestartPreventExitStatus names SIGKILL"


def test_misconfigured_gateway_is_let_be_by_the_status_that_it_exits_with(
    waiting: Callable[[str], str],
) -> None:
    subject = waiting("raise SystemExit(78)")
    prevented = told(play(subject, outage(Systemd("always", prevent_exit_status=(78,)))))
    assert prevented.respawns == 0
    assert told(play(subject, outage(Systemd("always")))).respawns == 4


# -- two units, and planned ends --------------------------------------------------------------------------


@pytest.mark.parametrize("subject", ("reference", "reference-status", planted("raises_out")))
@pytest.mark.parametrize("name", ("units-replacing-under-launchd", "units-replacing-under-systemd"))
def test_units_settle_where_the_replaced_exits_clean(subject: str, name: str) -> None:
    chronicle = told(play(subject, f"{name}-empty"))
    assert chronicle.violation is None
    assert chronicle.respawns == 0
    assert [run.letter for run in chronicle.owners] == ["B"]
    assert chronicle.runs[0].status == 0


@pytest.mark.parametrize("name", ("units-replacing-under-launchd", "units-replacing-under-systemd"))
def test_units_fight_for_ever_where_the_replaced_exits_one(name: str) -> None:
    result = play(planted("victim_exits_one"), f"{name}-empty")
    assert sentence(result) == "A and B replace each other for ever: 120 replaces in 10 minutes"


# The 120 replaces of the second are also in the text that test_chronicle_text.py compares.
@pytest.mark.parametrize(
    ("name", "subject", "replaces"),
    (
        pytest.param(MISCONFIGURED[0], "reference-status", 120, marks=pytest.mark.long),
        pytest.param(MISCONFIGURED[0], "reference", 34, marks=pytest.mark.long),
        pytest.param(MISCONFIGURED[1], "reference-status", 120, marks=pytest.mark.long),
        (MISCONFIGURED[1], "reference", 34),
    ),
)
def test_units_that_are_always_restarted_fight_for_ever_and_the_reference_slows_them_down(
    name: str, subject: str, replaces: int
) -> None:
    assert sentence(play(subject, name)) == (
        f"A and B replace each other for ever: {replaces} replaces in 10 minutes"
    )


def test_forced_restart_of_exit_status_zero_has_units_fight() -> None:
    forced = Systemd("no", restart_s=5, force_exit_status=(0,))
    units = Unit("replace", forced), Unit("replace", forced, starts_at_s=1)
    assert "for ever" in sentence(play("reference-status", Supervision("f", "f", units, watched_s=MINUTE_S)))


def test_unannounced_sigterm_is_survived_and_a_planned_stop_is_final() -> None:
    chronicle = told(play("reference", "term-and-stop-under-systemd-empty"))
    assert chronicle.violation is None
    assert [(run.letter, run.status) for run in chronicle.runs] == [("A", 1), ("A", 0), ("B", 0)]


def test_gateway_that_exits_zero_on_any_sigterm_is_abandoned() -> None:
    """``raises_out`` is right but for this: it has a planned stop, and cannot tell it from another end."""
    result = play(planted("raises_out"), "term-and-stop-under-systemd-empty")
    assert sentence(result) == (
        "systemd gave up at once, and nobody owned the gateway when it was to be stopped"
    )


def test_planned_stop_is_undone_by_a_supervisor_that_always_restarts() -> None:
    story = find_scenario("term-and-stop-under-systemd-empty").cast.supervision
    assert story is not None
    always = replace(story, units=(Unit("start", Launchd()), story.units[1]))
    assert sentence(play("reference", always)) == "A was stopped as planned, and launchd started it again"


# -- virtual time -----------------------------------------------------------------------------------------


def test_waits_of_several_processes_overlap(waiting: Callable[[str], str]) -> None:
    units = tuple(Unit("start", Launchd(), starts_at_s=at) for at in (0, 1))
    chronicle = told(play(waiting("time.sleep(10)"), Supervision("w", "w", units, watched_s=MINUTE_S)))
    assert [run.owned for run in chronicle.runs] == [10 * SECOND, 11 * SECOND]


def test_signal_during_a_sleep_moves_nobody_ahead_in_time(waiting: Callable[[str], str]) -> None:
    subject = waiting("signal.signal(15, lambda *_: None); time.sleep(100)")
    story = Supervision("s", "s", (Unit("start", Launchd()),), (Blow(30, "term", "A"),), watched_s=HOUR_S)
    assert [run.owned for run in told(play(subject, story)).runs] == [100 * SECOND]


def test_two_owners_are_caught_here_too(waiting: Callable[[str], str]) -> None:
    units = tuple(Unit("start", Launchd(), starts_at_s=at) for at in (0, 5))
    result = play(waiting("pass"), Supervision("w", "w", units, watched_s=MINUTE_S))
    assert set(result.violations) == {"at_most_one_owner"}
    assert told(result).lasted == 5 * SECOND


def test_scenario_whose_blow_meets_nobody_is_not_a_pass() -> None:
    story = outage(Launchd())
    late = replace(story, units=(Unit("start", Launchd(), starts_at_s=2 * MINUTE_S),))
    result = play("reference", late)
    assert (result.verdict, result.unreached) == ("unknown", ("the_owner_was_struck",))


def test_process_that_never_waits_is_not_a_pass() -> None:
    assert play(planted("spins"), outage(Launchd())).verdict == "unknown"


def test_budget_that_is_spent_is_not_a_pass() -> None:
    found = verify("reference", SUPERVISED[:1], budget_s=0.0)
    assert found.verdict == "unknown"


def test_budget_ends_a_play_in_which_a_process_polls_for_hours(tmp_path: Path) -> None:
    source = (PLANTED / "spins.py").read_text().replace("            pass", "            time.sleep(0.01)")
    (tmp_path / "polls.py").write_text(source.replace("import os", "import os, time"))
    subject, scenario = find_subject(str(tmp_path / "polls.py")), find_scenario("outage-under-launchd-empty")
    result = supervise(subject, scenario, time.perf_counter() + 0.2)
    assert (result.verdict, result.reason) == ("unknown", "the budget was spent")


def test_same_scenario_gives_the_same_chronicle() -> None:
    one, other = (told(play("foreign-guard", "outage-under-systemd-empty")) for _ in range(2))
    assert one == other


LEFT_TO_AN_OPERATOR = """
not_offered = {"a_dead_owner_can_be_replaced": "an operator removes the folder"}

def gateway(home, serve):
    (home / "lock").mkdir()
    serve()
    (home / "lock").rmdir()
"""


def test_subject_that_leaves_crashes_to_an_operator_need_not_settle_after_one(tmp_path: Path) -> None:
    (tmp_path / "operator.py").write_text("documented_errors = (FileExistsError,)\n" + LEFT_TO_AN_OPERATOR)
    found = verify(str(tmp_path / "operator.py"), [find_scenario("outage-under-launchd-empty")])
    assert not found.violations
    assert "supervisors_settle" not in dict(points(found)).get("holds", [])
