"""Each family of faults breaks a subject that holds without it; the reference holds with every one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from stateful.explain.words import event_text, world_text
from stateful.host import inject
from stateful.kernel import failing_calls, machine_faults
from stateful.model.call import Call
from stateful.model.excuses import NO_EXCUSE, Excuse, Reason
from stateful.model.families import FAMILIES, TAMPERING, fault_moves, recoveries, widened
from stateful.model.faults import (
    ASK_TO_GO,
    CALL_FAULTS,
    FAULTS,
    INTERRUPTIONS,
    MACHINE_FAULTS,
    RECOVERIES,
    SERVE_FAULTS,
    SIGNALS,
    Fault,
    after_fault,
)
from stateful.model.images import DISKS
from stateful.model.scenario import KILL
from stateful.model.schedule import format_schedule, parse_schedule
from stateful.model.standard import BY_NAME, SCENARIOS, UPSETS, find_scenario
from stateful.model.syscalls import SYSCALLS
from stateful.model.trace import Step
from stateful.protocol.built_in import MODULES
from stateful.verification.verification import verify

ROOT = Path(__file__).parents[2]
PLANTED = ROOT / "tests" / "planted"

# The last family of a plan, what it breaks, where, which invariant, and the shortest schedule.
BROKEN = {
    "sigterm": (
        "exits_0_when_terminated",
        "start-and-exit-stale-1-sigterm",
        "a_replaced_owner_exits_clean",
        "A3 term-A A2",
    ),
    "sigint": (
        "fails_when_interrupted",
        "start-and-exit-stale-1-sigint",
        "only_documented_errors",
        "int-A A1",
    ),
    "exception": (
        "begins_again_when_its_work_fails",
        "two-starts-empty-1-exception",
        "at_most_one_owner",
        "A2 raise-A A1 start-C C2",
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
    "listing-order": (
        "first_claim_owns",
        "two-starts-empty-1-listing-order",
        "at_most_one_owner",
        "A3 listing-claims/*=backwards B5",
    ),
    "clock-step": (
        "expires",
        "two-starts-empty-1-clock-step",
        "at_most_one_owner",
        "A3 clock+172800 start-C C7",
    ),
    "suspend": (
        "lease_runs_out_asleep",
        "two-starts-empty-1-suspend",
        "at_most_one_owner",
        "A3 suspend+172800 start-C C7",
    ),
    "lost-parent": (
        "trusts_the_parent",
        "two-starts-in-a-shell-1-lost-parent",
        "at_most_one_owner",
        "A2 parent-gone start-C C8",
    ),
    "long-run": (
        "lease-nobody-renews",
        "two-starts-empty-1-long-run",
        "at_most_one_owner",
        "A7 later+2678400 start-C C9",
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
    "planted-link": (
        "truncates_a_link",
        "one-start-empty-1-kill-1-planted-link",
        "only_own_files_are_changed",
        "A1 crash-A plant-lock start-B B1",
    ),
    "power-loss": (
        "trusts_the_rename",
        "one-start-empty-1-power-loss",
        "a_dead_owner_can_be_replaced",
        "A5 power-loss-writeback-2 start-B B5",
    ),
}


def test_every_fault_is_of_a_process_or_of_a_call_or_of_the_machine() -> None:
    assert [*FAULTS] == [*SIGNALS, *INTERRUPTIONS, *SERVE_FAULTS, *CALL_FAULTS, *MACHINE_FAULTS]
    assert {*INTERRUPTIONS.values()} == {*ASK_TO_GO}
    assert all(FAULTS[name].number == SIGNALS[signal] for name, signal in INTERRUPTIONS.items())


def test_every_fault_is_made_by_the_kernel_and_on_the_host_or_cannot_be_played() -> None:
    assert {*machine_faults.INJECTIONS} == {*MACHINE_FAULTS}
    assert {*failing_calls.FAILURES} == {*CALL_FAULTS}
    assert all(SIGNALS.values())
    unplayed = {*MACHINE_FAULTS} - {*inject.INJECTIONS}
    assert all(FAULTS[name].unplayable for name in unplayed)
    assert {*inject.INJECTIONS} <= {*MACHINE_FAULTS}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=[*FAULTS])
def test_every_fault_is_written_and_told_in_words(fault: Fault) -> None:
    (move,) = parse_schedule(fault.written)
    assert (str(move), move.kind, move.is_fault) == (fault.written, fault.name, True)
    if fault.name in CALL_FAULTS or fault.name in INTERRUPTIONS:
        told: str | None = fault.words.format(answer="EIO")
        assert told != "EIO"
    elif fault.name in SIGNALS or fault.name in SERVE_FAULTS:
        told = event_text(Step(move, None, None, None, "", None))
    else:
        told = world_text(move)
    assert told
    assert not {*"{}"} & {*told}


def test_every_fault_is_of_a_family_or_ends_one_that_lasts() -> None:
    assert [name for name, fault in FAULTS.items() if not fault.family] == ["sigcont", "disk-well"]
    assert {*RECOVERIES} == {"sigcont", "disk-well"}
    assert {fault.family for fault in FAULTS.values()} - {""} == {*FAMILIES}
    assert all(not FAULTS[fault.ended_by].family for fault in FAULTS.values() if fault.ended_by)


class Everything:
    """A world in which everything is there that a fault may be aimed at."""

    image = DISKS[0]

    def letters(self) -> list[str]:
        return ["A"]

    living = stopped = ended = callers = serving = letters

    def waiting(self) -> list[str]:
        return []

    def handles(self, letter: str, number: int) -> bool:
        return True

    def next_call(self, letter: str) -> Call:
        return Call("close", (3,))

    def files(self) -> list[str]:
        return ["gateway.pid", "no word=of a schedule"]

    def images(self) -> list[str]:
        return ["writeback-1"]

    def disk_fails(self) -> bool:
        return True

    def has_shell(self) -> bool:
        return True

    def is_at_rest(self) -> bool:
        return True

    def listings(self) -> list[tuple[str, list[str]]]:
        return [("/home/user/.hermes", ["a", "b"]), ("/run/box", ["no word=of a schedule", "x"])]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_fault_of_a_family_is_enumerated_as_a_schedule_says_it(family: str) -> None:
    world = Everything()
    if all(fault.unattended for fault in FAMILIES[family].faults):
        world.living = list  # type: ignore[assignment]
    moves = fault_moves(family, world)
    wanted = {fault.name for fault in FAMILIES[family].faults}
    wanted &= {"eio", "eintr"} if family == "errno" else wanted  # what fits the call
    assert {move.kind for move in moves} == wanted
    assert parse_schedule(format_schedule(moves)) == moves
    again = [widened(move, Random(seed)) for move in moves for seed in range(20)]
    assert parse_schedule(format_schedule(again)) == again


def test_every_fault_of_a_call_fits_some_call() -> None:
    assert {fault for row in SYSCALLS.values() for fault in row.faults} == {*CALL_FAULTS}


def test_every_recovery_is_enumerated_that_of_the_machine_first() -> None:
    assert recoveries(Everything()) == parse_schedule("disk-well sigcont-A")


def test_family_is_tampering_as_a_whole_or_not_at_all() -> None:
    for name, family in FAMILIES.items():
        assert {fault.tampering for fault in family.faults} == {name in TAMPERING}


def test_every_family_is_in_a_plan_of_a_standard_scenario() -> None:
    planned = {family for scenario in (*SCENARIOS, *BY_NAME) for family in scenario.plan}
    assert planned == {*FAMILIES}


def test_table_of_readme_has_every_fault() -> None:
    table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## What the world does")[2]
    told = set(re.findall(r"`([^` ]+)`", table.partition("\n### ")[0]))
    assert {fault.written for fault in FAULTS.values()} <= told


TORN, TAKEN = "gateway.pid=torn", "gateway.pid=directory"
A_FILE, ANOTHER = Excuse(Reason.FILES, "gateway.pid"), Excuse(Reason.TAKEN, "gateway.lock")

EXCUSES = (
    ("reboot", "", NO_EXCUSE, NO_EXCUSE),
    ("clock", "+60", NO_EXCUSE, Excuse(Reason.CLOCK)),
    ("suspend", "+60", NO_EXCUSE, Excuse(Reason.CLOCK)),
    ("eio", "", Excuse(Reason.CLOCK), Excuse(Reason.CALLS)),
    ("clock", "+60", Excuse(Reason.CALLS), Excuse(Reason.CALLS)),
    ("corrupt", TORN, NO_EXCUSE, A_FILE),
    ("corrupt", TORN, A_FILE, A_FILE),
    ("corrupt", "gateway.lock=torn", A_FILE, Excuse(Reason.FILES, "/")),
    ("corrupt", TAKEN, NO_EXCUSE, Excuse(Reason.TAKEN, "gateway.pid")),
    ("remove", "gateway.pid", A_FILE, Excuse(Reason.TAKEN, "gateway.pid")),
    ("remove", "gateway.pid", ANOTHER, Excuse(Reason.HOMELESS)),
    ("remove", "gateway.lock", A_FILE, Excuse(Reason.HOMELESS)),
    ("corrupt", TORN, ANOTHER, Excuse(Reason.HOMELESS)),
    ("home-new", "", ANOTHER, Excuse(Reason.HOMELESS)),
    ("eio", "", Excuse(Reason.HOMELESS), Excuse(Reason.HOMELESS)),
)


@pytest.mark.parametrize(("kind", "detail", "before", "after"), EXCUSES)
def test_excuse_grows_with_each_fault(kind: str, detail: str, before: Excuse, after: Excuse) -> None:
    assert after_fault(kind, detail, before) == after


def test_every_family_breaks_something() -> None:
    assert {*BROKEN, "kill"} == {*FAMILIES}


@pytest.mark.parametrize("family", BROKEN)
def test_fault_breaks_a_subject_that_holds_with_kills_alone(family: str) -> None:
    name, scenario, invariant, schedule = BROKEN[family]
    upset = find_scenario(scenario)
    assert family in upset.plan
    subject = name if name in MODULES else str(PLANTED / f"{name}.py")
    # With a plan of kills, schedules without any are searched as well.
    found = verify(subject, [replace(upset, plan=KILL), upset])
    killed, broken = (result.violations for result in found.results)
    assert invariant not in killed
    assert broken[invariant].schedule == schedule


@pytest.mark.long
def test_start_on_a_disk_that_stays_full_is_asked_to_end() -> None:
    found = verify(
        str(PLANTED / "spins_on_a_full_disk.py"), [find_scenario("start-and-exit-stale-1-bad-disk")]
    )
    assert found.violations["a_start_always_ends"].schedule == "disk-full A2"


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
    assert {family for scenario in scenarios for family in scenario.plan} >= {*TAMPERING, "errno"}
    assert all(found.faults[family] for plan in UPSETS for family in plan)
