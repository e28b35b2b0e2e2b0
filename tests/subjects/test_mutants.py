"""Each mutant is caught by the invariant it names, in the listed scenario and by the listed schedule."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stateful.explain.minimise import minimise
from stateful.model.chronicle import RUN_INVARIANTS
from stateful.model.invariants import INVARIANTS
from stateful.model.schedule import format_schedule, parse_schedule
from stateful.model.standard import find_scenario
from stateful.protocol import mutant_table
from stateful.protocol.built_in import broken_by
from stateful.protocol.mutant_table import MUTANTS, NOT_EXPRESSIBLE
from stateful.protocol.subject import find_subject
from stateful.run.replay import replay
from tests.benchmarks.mutant_search import search_mutant

# The rows of the catalogue, how single-owner protocols broke in the wild, by section.
CATALOGUE = {
    "PROGRESS": """
        ForeignGuardOnCleanup LockAddedGuardKept EmptyRecordWedges ZombieCountsAsAlive StoppedOwnerBlocks
        RecycledPidTrusted RecordVouchesForItself NullStartTimeHeldForEver RebootCollision
        ForeignLockFileUnreadable UnsupportedLockReadsAsHeld DirectoryInTheWay ProbeCollides BothGiveUp
        StalePlannedStopKillsTheNext ExitSkipsHandlers RespawnStorm HostileIntegers NotUtf8""",
    "SAFETY": """
        NoCheck CheckThenOverwrite ClaimAfterStart UnlinkByPath EmptyMeansStale RenameByPath
        UnlinksTheLockFile UnlinksAHeldLock EaccesUnlinksTheLock EpermMeansDead SurvivesSigkill
        ReplaceDropsEveryLock LockReleasedBeforeRecord ReleasedWhileDraining ForkedChildReleases
        CommWithSpaces SubstringMatch""",
    "IDENTITY": "PidAlone KillMinusOne CrossHomeKill CheckedThenRecycled",
    "HAND_OVER": """
        UnguardedRemove ReplacerUnlinksAgain SamePidTwoNamespaces VictimExitsOne UnexpectedTermExitsZero
        WrongProcessConsumes MarkerFromTheFuture MarkerOutlivesReplacer""",
    "ANSWERS": "ReaderDeletesLiveRecord TornRead PhantomOwner StateKeepsOldPid LostUpdate",
    "ENDS": """
        CleanExitLeavesTheLock CtrlCBetween DestructorOfARefusedStart HandlerBeforeTheClaim
        HandlerBetweenTwoStatements""",
    "TIME": "LeaseNobodyRenews CreationTimeFollowsTheClock OlderThanBoot",
    "PERMISSIONS": "RootMadeTheLock Umask0002 PlantedLinkTruncates",
    "LISTINGS": "FirstListedOwns",
    "HOMES": """
        OneLockForAllHomes LockNamedByTheHome
        LockByCwdOrEnvironment ShorterPidNotTruncated LockNamedByHash ThreadIdIsAlive""",
    "WAITING": "RecoveryWaitsForItself LockOrderDeadlock QueryHangs ReplaceBlocksOnStopped",
}
# They take a second or more each: whole starts of the reference beside each other.
SLOW = set(
    """eperm-means-dead marker-from-the-future marker-outlives-replacer no-check phantom-owner probe-collides
    reader-deletes-live-record respawn-storm survives-sigkill unexpected-term-exits-zero
    unlinks-the-lock-file victim-exits-one wrong-process-consumes""".split()
)


def kebab(row: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", row).lower()


@pytest.mark.parametrize("section", CATALOGUE)
def test_every_row_is_a_mutant_or_it_is_said_why_not(section: str) -> None:
    rows = set(map(kebab, CATALOGUE[section].split()))
    assert set(vars(mutant_table)[section]) == rows - NOT_EXPRESSIBLE.keys()


def test_only_rows_are_not_expressible() -> None:
    assert NOT_EXPRESSIBLE.keys() <= {kebab(row) for rows in CATALOGUE.values() for row in rows.split()}


def test_every_file_is_in_the_table() -> None:
    folder = Path(mutant_table.__file__).parents[1] / "subjects" / "mutants"
    files = {path.stem.replace("_", "-") for path in folder.glob("[!_]*.py")}
    assert files == set(MUTANTS)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long) if name in SLOW else name for name in MUTANTS]
)
def test_mutant_is_caught_by_the_invariant_it_names(name: str) -> None:
    mutant, invariant = MUTANTS[name], broken_by(name)
    result = search_mutant(name)
    order = [each.__name__ for each in (*INVARIANTS, *RUN_INVARIANTS)]
    assert [each for each in order if each in result.violations] == sorted(
        {invariant, *mutant.also}, key=order.index
    )
    assert result.exhaustive or not mutant.schedule
    if mutant.schedule:
        trace = replay(find_subject(name), find_scenario(mutant.scenario), parse_schedule(mutant.schedule))
        assert trace.violation is not None
        assert trace.violation.invariant == invariant
        assert trace.schedule == mutant.schedule
        assert trace.length <= result.violations[invariant].length


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name, mutant in MUTANTS.items() if mutant.schedule])
def test_no_schedule_is_smaller(name: str) -> None:
    mutant, invariant = MUTANTS[name], broken_by(name)
    subject, scenario = find_subject(name), find_scenario(mutant.scenario)
    moves = minimise(subject, scenario, search_mutant(name).violations[invariant].moves, invariant)
    assert format_schedule(moves) == mutant.schedule


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_caught_by_a_crash_of_the_subject_only_where_that_is_its_mistake(name: str) -> None:
    raising = broken_by(name) == "only_documented_errors"
    assert raising == (name in {"hostile-integers", "not-utf8", "torn-read"})
