"""Each mistake of the catalogue of real failures of single-owner protocols, and the tests against it.

A row is the name of a mistake and the tests that fail if the reference makes it. The names and docstrings of
the tests explain the mistake.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

# a_dead_owner_can_be_replaced, some_contender_wins, a_start_always_ends
PROGRESS = {
    "ForeignGuardOnCleanup": ("test_outage::test_query_removes_the_record_of_a_dead_gateway",),
    "LockAddedGuardKept": (
        "test_outage::test_whole_start_succeeds",
        "test_status::test_killed_owner_is_replaced",
    ),
    "EmptyRecordWedges": ("test_status::test_start_gets_past_hostile_content",),
    "ZombieCountsAsAlive": (
        "test_remains::test_zombie_owner_is_no_owner",
        "test_remains::test_zombie_that_a_replace_made_is_not_waited_for",
        "test_identity::test_zombie_is_dead",
        "test_terminate::test_zombie_has_ended",
    ),
    "StoppedOwnerBlocks": ("test_remains::test_stopped_owner_refuses_a_start_and_gives_way_to_a_replace",),
    "RecycledPidTrusted": (
        "test_remains::test_stranger_with_the_pid_of_the_owner_is_neither_trusted_nor_signalled",
        "test_identity::test_verdict_on_a_living_pid",
    ),
    "RecordVouchesForItself": ("test_remains::test_stranger_with_a_recorded_pid_keeps_nobody_from_the_home",),
    "NullStartTimeHeldForEver": (
        "test_remains::test_stranger_with_a_recorded_pid_keeps_nobody_from_the_home",
    ),
    "RebootCollision": ("test_remains::test_stranger_with_a_recorded_pid_keeps_nobody_from_the_home",),
    "ForeignLockFileUnreadable": ("test_another_user::test_file_of_another_user_ends_a_start_for_good",),
    "UnsupportedLockReadsAsHeld": ("test_status::test_lock_that_cannot_be_asked_is_neither_free_nor_held",),
    "DirectoryInTheWay": (
        "test_status::test_start_gets_past_what_is_not_a_file",
        "test_locks::test_empty_directory_in_the_place_of_a_lock_file_is_removed",
        "test_command::test_lock_file_that_is_none_ends_a_start_for_good",
    ),
    "ProbeCollides": (
        "test_races::test_lone_start_during_a_probe_is_not_refused",
        "test_races::test_starts_beside_queries_all_win",
    ),
    "BothGiveUp": ("test_races::test_simultaneous_starts_on_a_stale_record_make_one_owner",),
    "StalePlannedStopKillsTheNext": (
        "test_markers::test_process_that_the_marker_does_not_name_leaves_it",
        "test_markers::test_marker_of_a_crashed_replacer_is_void",
    ),
    "ExitSkipsHandlers": (
        "test_serve::test_hard_exit_leaves_a_record_that_the_next_start_reclaims",
        "test_serve::test_end_of_serve_releases_and_says_why",
    ),
    "RespawnStorm": (
        "test_storm::test_respawn_storm_is_seen_and_waits_longer_each_time",
        "test_supervised::test_two_supervisors_that_both_replace_settle_on_one_owner",
    ),
    "HostileIntegers": (
        "test_record::test_hostile_content_names_nobody",
        "test_markers::test_hostile_integers_in_a_marker_are_void",
        "test_hostile::test_listed_content_in_each_file",
    ),
    "NotUtf8": (
        "test_record::test_hostile_content_names_nobody",
        "test_hostile::test_listed_content_in_each_file",
    ),
}

# at_most_one_owner
SAFETY = {
    "NoCheck": ("test_serve::test_second_start_is_refused_with_the_pid_and_what_to_do",),
    "CheckThenOverwrite": ("test_races::test_simultaneous_starts_on_a_stale_record_make_one_owner",),
    "ClaimAfterStart": ("test_serve::test_serve_is_called_by_the_owner",),
    "UnlinkByPath": (
        "test_status::test_query_leaves_a_record_that_was_replaced_meanwhile",
        "test_races::test_simultaneous_starts_on_a_stale_record_make_one_owner",
    ),
    "EmptyMeansStale": (
        "test_record::test_record_appears_whole_or_not_at_all",
        "test_status::test_contender_that_has_not_written_yet_refuses_the_others",
    ),
    "RenameByPath": ("test_status::test_query_leaves_a_record_that_was_replaced_meanwhile",),
    "UnlinksTheLockFile": ("test_status::test_exit_removes_the_record_and_leaves_the_lock_files",),
    "UnlinksAHeldLock": (
        "test_status::test_query_cleans_nothing_while_the_lock_is_held",
        "test_scoped::test_unlinks_a_held_lock_never",
    ),
    "EaccesUnlinksTheLock": ("test_another_user::test_file_of_another_user_ends_a_start_for_good",),
    "EpermMeansDead": (
        "test_identity::test_pid_of_another_user_is_alive",
        "test_another_user::test_gateway_of_another_user_is_seen_and_not_stopped",
    ),
    "SurvivesSigkill": ("test_handover::test_gateway_that_survives_everything_is_a_refusal_in_words",),
    "ReplaceDropsEveryLock": ("test_scoped::test_replace_drops_every_lock_of_the_victim_only",),
    "LockReleasedBeforeRecord": ("test_serve::test_record_goes_before_the_lock",),
    "ReleasedWhileDraining": ("test_serve::test_lock_is_held_and_draining_goes_on_through_a_second_sigterm",),
    "ForkedChildReleases": (
        "test_serve::test_child_that_serve_forks_exits_without_a_release",
        "test_serve::test_child_that_outlives_its_killed_parent_keeps_the_lock_until_it_ends",
        "test_status::test_forked_child_that_exits_releases_nothing",
    ),
    "CommWithSpaces": ("test_identity::test_start_time_survives_a_command_name_with_parentheses",),
    "SubstringMatch": (
        "test_identity::test_stranger_is_not_taken_for_a_gateway",
        "test_identity::test_gateway_is_known_by_its_words",
    ),
}

# only_the_owner_is_signalled
IDENTITY = {
    "PidAlone": (
        "test_terminate::test_namesake_is_spared",
        "test_remains::test_stranger_with_the_pid_of_the_owner_is_neither_trusted_nor_signalled",
    ),
    "KillMinusOne": (
        "test_terminate::test_pid_that_means_more_than_a_process_is_refused",
        "test_hostile::test_listed_content_in_each_file",
    ),
    "CrossHomeKill": (
        "test_handover::test_gateway_of_a_copied_home_is_left_alone",
        "test_handover::test_copied_record_without_a_home_is_not_signalled",
    ),
    "CheckedThenRecycled": (
        "test_terminate::test_process_whose_pid_is_given_again_before_the_signal_is_spared",
        "test_handover::test_stranger_that_gets_the_pid_after_the_first_look_is_not_signalled",
    ),
}

# release_removes_only_own_record, a_replaced_owner_exits_clean
HAND_OVER = {
    "UnguardedRemove": ("test_outage::test_exit_still_leaves_a_foreign_live_record",),
    "ReplacerUnlinksAgain": (
        "test_handover::test_successor_of_a_gateway_that_ended_meanwhile_is_not_signalled",
    ),
    "SamePidTwoNamespaces": ("test_status::test_exit_leaves_the_record_of_a_namesake_in_another_container",),
    "VictimExitsOne": (
        "test_handover::test_replaced_owner_exits_zero_and_the_replacer_owns",
        "test_handover::test_owner_told_to_end_by_many_exits_zero",
        "test_supervised::test_two_supervisors_that_both_replace_settle_on_one_owner",
    ),
    "UnexpectedTermExitsZero": (
        "test_serve::test_unplanned_sigterm_exits_one",
        "test_supervised::test_gateway_stopped_on_purpose_is_not_revived",
    ),
    "WrongProcessConsumes": ("test_markers::test_process_that_the_marker_does_not_name_leaves_it",),
    "MarkerFromTheFuture": ("test_markers::test_marker_counts_for_a_minute_and_not_before",),
    "MarkerOutlivesReplacer": ("test_markers::test_marker_of_a_crashed_replacer_is_void",),
}

# a_live_owner_is_discoverable, an_answer_was_true_at_some_moment, readers_change_nothing
ANSWERS = {
    "ReaderDeletesLiveRecord": ("test_status::test_query_leaves_a_record_that_was_replaced_meanwhile",),
    "TornRead": ("test_record::test_record_appears_whole_or_not_at_all",),
    "PhantomOwner": ("test_runtime::test_phantom_owner_is_not_made_of_a_state_file",),
    "StateKeepsOldPid": ("test_runtime::test_state_keeps_old_pid_never_after_a_restart",),
    "LostUpdate": (
        "test_runtime::test_lost_update_does_not_happen_among_processes",
        "test_storm::test_lost_update_does_not_happen_to_starts",
    ),
}

SECTIONS = {"progress": 19, "safety": 17, "identity": 4, "hand-over": 8, "answers": 5}
ROWS = PROGRESS | SAFETY | IDENTITY | HAND_OVER | ANSWERS


def test_no_mistake_is_missing() -> None:
    sections = (PROGRESS, SAFETY, IDENTITY, HAND_OVER, ANSWERS)

    assert dict(zip(SECTIONS, map(len, sections), strict=True)) == SECTIONS
    assert len(ROWS) == sum(SECTIONS.values())
    assert all(re.fullmatch(r"([A-Z][a-z0-9]*)+", name) for name in ROWS)


@pytest.mark.parametrize("name", ROWS)
def test_mistake_has_tests_that_exist(name: str) -> None:
    assert ROWS[name]
    for test in ROWS[name]:
        module, _, function = test.partition("::")
        spec = importlib.util.spec_from_file_location(module, Path(__file__).with_name(f"{module}.py"))
        assert spec is not None and spec.loader is not None
        loaded = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(loaded)
        assert callable(getattr(loaded, function))
