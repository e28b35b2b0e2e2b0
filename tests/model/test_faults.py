"""Each family of faults breaks a subject that holds without it; the reference holds with every one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stateful.model.faults import POWER_LOSS
from stateful.model.scenario import KILL, MEDDLING, NOTHING
from stateful.model.standard import BY_NAME, SCENARIOS, UPSETS, find_scenario
from stateful.protocol.built_in import MODULES
from stateful.search.fault_moves import FAMILIES
from stateful.verification.verification import verify

PLANTED = Path(__file__).parents[1] / "planted"

# The last family of a plan, what it breaks, where, which invariant, and the shortest schedule.
BROKEN = {
    "sigterm": (
        "exits_0_when_terminated",
        "start-and-exit-stale-1-sigterm",
        "a_replaced_owner_exits_clean",
        "A3 term-A A2",
    ),
    "sigstop": (
        "spares_the_stopped",
        "replace-of-owner-empty-1-sigstop",
        "a_stopped_owner_can_be_replaced",
        "A4 sigstop-A replace-C C7",
    ),
    "errno": (
        "takes_errors_for_free",
        "two-starts-empty-1-errno",
        "at_most_one_owner",
        "A1 enolck-A start-C C2",
    ),
    "recycled-pid": (
        "check-then-overwrite",
        "start-and-exit-stale-1-kill-1-recycled-pid",
        "a_dead_owner_can_be_replaced",
        "A6 crash-A recycle-A start-B B6",
    ),
    "reboot": (
        "direct-unlink",
        "start-and-exit-stale-1-reboot-1-recycled-pid",
        "a_dead_owner_can_be_replaced",
        "A10 reboot recycle-A start-B B8",
    ),
    "bad-disk": (
        "owns_without_a_lock",
        "two-starts-empty-1-bad-disk",
        "at_most_one_owner",
        "read-only A1 start-C C1",
    ),
    "clock-step": (
        "expires",
        "two-starts-empty-1-clock-step",
        "at_most_one_owner",
        "A3 clock+3600 start-C C7",
    ),
    "removal": (
        "flock_only",
        "exit-and-start-empty-1-removal",
        "at_most_one_owner",
        "A2 remove-lock start-C C2",
    ),
    "corruption": (
        "flock_only",
        "start-and-exit-stale-1-corruption",
        "only_documented_errors",
        "corrupt-lock=directory A2",
    ),
    "lost-home": (
        "flock_only",
        "start-and-exit-stale-1-lost-home",
        "only_documented_errors",
        "home-gone A2",
    ),
    "power-loss": (
        "trusts_the_rename",
        "one-start-empty-1-power-loss",
        "a_dead_owner_can_be_replaced",
        "A5 power-loss-writeback-2 start-B B5",
    ),
}


def test_every_family_breaks_something() -> None:
    assert {*BROKEN, "kill"} == {*FAMILIES, POWER_LOSS}


@pytest.mark.parametrize("family", BROKEN)
def test_fault_breaks_a_subject_that_holds_with_kills_alone(family: str) -> None:
    name, scenario, invariant, schedule = BROKEN[family]
    upset = find_scenario(scenario)
    assert family in upset.plan
    subject = name if name in MODULES else str(PLANTED / f"{name}.py")
    found = verify(subject, [replace(upset, plan=NOTHING), replace(upset, plan=KILL), upset])
    plain, killed, broken = (result.violations for result in found.results)
    assert invariant not in {*plain, *killed}
    assert broken[invariant].schedule == schedule


@pytest.mark.long
def test_start_on_a_disk_that_stays_full_is_asked_to_end() -> None:
    found = verify(
        str(PLANTED / "spins_on_a_full_disk.py"), [find_scenario("start-and-exit-stale-1-bad-disk")]
    )
    assert found.violations["a_start_always_ends"].schedule == "disk-full A200"


@pytest.mark.long
@pytest.mark.parametrize(
    ("subject", "places"),
    (
        ("reference-status", ("start-and-exit-stale",)),
        ("reference", ("start-and-exit-stale", "start-and-status-empty")),
    ),
)
def test_reference_holds_with_every_fault(subject: str, places: tuple[str, ...]) -> None:
    scenarios = [
        scenario
        for scenario in (*SCENARIOS, *BY_NAME)
        if scenario.plan in UPSETS and scenario.name.startswith(places)
    ]
    found = verify(subject, scenarios)
    assert (found.verdict, found.exhaustive) == ("holds", True)
    assert {family for scenario in scenarios for family in scenario.plan} >= {*MEDDLING, "errno"}
    assert all(found.faults[family] for plan in UPSETS for family in plan)
