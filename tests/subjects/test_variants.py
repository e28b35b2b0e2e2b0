"""Unusual but correct protocols hold in every small scenario."""

from __future__ import annotations

from pathlib import Path

import pytest

from stateful.model.families import TAMPERING
from stateful.model.standard import SCENARIOS, UPSETS
from stateful.subjects import variants
from stateful.subjects.variants import VARIANTS
from stateful.verification.verification import verify

SMALL = [
    scenario
    for scenario in SCENARIOS
    if scenario.cast.name != "three-starts" and scenario.disk.name == "empty" and scenario.plan not in UPSETS
]
# They say nothing of errors that they are not made for, and sync nothing.
NOT_FOR = {"errno", "bad-disk", "power-loss", *TAMPERING}
FAULTY = [
    scenario
    for scenario in SCENARIOS
    if scenario.cast.name != "three-starts" and not NOT_FOR & set(scenario.plan)
]
# The others know a process by its pid and start time: those of one boot, one pid namespace and one user, on a
# machine with /proc, where the dead are reaped.
LOCK_ALONE = ("locks-the-home", "record-lock-beside-a-record", "unlinks-its-own-lock")
KNOWN = [
    scenario
    for scenario in FAULTY
    if "reboot" not in scenario.plan
    and scenario.disk.machine.proc
    and scenario.disk.machine.reaps
    and not scenario.disk.machine.containers
    and not scenario.disk.machine.foreign
]


def test_there_are_ten_and_every_file_is_one() -> None:
    files = {path.stem.replace("_", "-") for path in Path(variants.__path__[0]).glob("[!_]*.py")}
    assert files == set(VARIANTS)
    assert len(files) >= 10


QUICK = ("locks-the-home", "record-lock-beside-a-record", "unlinks-its-own-lock", "waits-behind-a-queue")


# A process that waits for the lock is never refused, which is a goal of some of these scenarios.
@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.long) for name in VARIANTS],
)
def test_variant_holds(name: str) -> None:
    found = verify(name, SMALL)
    assert (found.violations, found.exhaustive) == ({}, True)


@pytest.mark.long
@pytest.mark.parametrize("name", VARIANTS)
def test_variant_holds_on_every_disk_and_with_every_fault_it_is_made_for(name: str) -> None:
    found = verify(name, FAULTY if name in LOCK_ALONE else KNOWN)
    assert (found.violations, found.exhaustive) == ({}, True)
