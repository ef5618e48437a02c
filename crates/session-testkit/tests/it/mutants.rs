//! Backends with one defect each, and the case that catches it.

mod atomic;
mod simple;
mod user_epochs;
mod user_index;

use std::collections::BTreeSet;

use session_testkit::conformance::{self, Candidate, Report};
use session_testkit::{EpochMemory, SimpleMemory, TestClock};

use crate::memory;
use atomic::{Defect, Mutant};
use simple::{SimpleDefect, SimpleMutant};
use user_epochs::{EpochDefect, EpochMutant};
use user_index::{IndexDefect, IndexMutant};

const INDEX_DEFECTS: &[(IndexDefect, &[&str])] = &[
    (
        IndexDefect::AllUsersAreOne,
        &["a_users_sessions_are_listed_and_those_of_others_are_not", "a_session_without_a_user_is_not_listed"],
    ),
    (IndexDefect::NamesAreCaseless, &["a_users_name_may_be_any_text"]),
    (IndexDefect::DataIsLeftOut, &["a_listed_session_has_its_data_and_version"]),
    (
        IndexDefect::DeadSessionsStayListed,
        &["a_removed_session_is_not_listed_as_live", "an_expired_session_is_not_listed_as_live"],
    ),
    (
        IndexDefect::RotateForgetsTheNewKey,
        &[
            "a_rotated_session_is_listed_under_its_new_key",
            "a_session_that_is_renewed_all_the_time_is_in_every_listing",
            "requests_in_flight_leave_no_session_behind_a_revocation",
        ],
    ),
    (IndexDefect::WritesWithoutAUserRemoveTheEntry, &["a_write_without_a_user_leaves_the_index_as_it_is"]),
    (IndexDefect::WritesWithAUserAddNoEntry, &["a_write_with_a_user_adds_the_session_to_the_index"]),
    (IndexDefect::TouchRemovesTheEntry, &["a_session_that_is_touched_stays_in_the_index_until_it_expires"]),
    (IndexDefect::RefusedWritesRemoveTheEntry, &["a_refused_write_leaves_the_session_in_the_index"]),
    (IndexDefect::AllSessionsAreCounted, &["the_sessions_of_a_key_prefix_are_counted"]),
    (IndexDefect::ScanEndsAfterAPage, &["a_scan_finds_all_live_sessions_of_a_key_prefix"]),
    (
        IndexDefect::ScanIgnoresThePrefix,
        &["a_scan_finds_all_live_sessions_of_a_key_prefix", "a_cursor_of_another_store_does_no_harm"],
    ),
    (IndexDefect::ScanLeavesDataOut, &["a_scanned_session_has_its_data_version_and_expiry"]),
    (IndexDefect::ScanFindsTheRemoved, &["a_scan_finds_all_live_sessions_of_a_key_prefix"]),
    (IndexDefect::ScanCountsPlaces, &["sessions_that_stay_are_found_while_others_come_and_go"]),
];

const EPOCH_DEFECTS: &[(EpochDefect, &[&str])] = &[
    (
        EpochDefect::AllUsersAreOne,
        &["users_of_any_name_have_epochs_of_their_own", "a_revocation_ends_every_session_of_the_user"],
    ),
    (EpochDefect::NamesAreCaseless, &["users_of_any_name_have_epochs_of_their_own"]),
    (EpochDefect::EveryJoinBegins, &["an_epoch_is_joined_until_it_ends", "concurrent_sign_ins_join_one_epoch"]),
    (
        EpochDefect::EndDoesNothing,
        &[
            "an_epoch_that_ended_does_not_come_back",
            "a_revocation_ends_every_session_of_the_user",
            "requests_in_flight_leave_no_session_behind_a_revocation",
        ],
    ),
    (EpochDefect::NothingExpires, &["an_epoch_expires_and_is_extended_by_its_use"]),
    (EpochDefect::UseExtendsNothing, &["an_epoch_expires_and_is_extended_by_its_use"]),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_defect_is_caught_by_its_cases_and_every_case_catches_a_defect() {
    let mut never_failed = BTreeSet::new();
    let mut failed = BTreeSet::new();
    for (defect, cases) in [
        (Defect::AbsentIsEmpty, &["a_key_that_was_never_set_is_absent"][..]),
        (Defect::ReplaceKeepsTheFirst, &["a_second_set_replaces_the_first"]),
        (Defect::CreateOverwrites, &["a_session_is_created_only_under_a_free_key"]),
        (Defect::ReplaceIgnoresVersions, &["a_session_is_replaced_only_at_its_version"]),
        (Defect::ReplaceRevives, &["a_removed_session_is_not_brought_back", "a_logout_whose_reply_is_lost_is_final"]),
        (Defect::RemoveIgnoresVersions, &["a_session_is_removed_at_its_version_or_whatever_it_is"]),
        (
            Defect::RemoveDoesNothing,
            &["a_deleted_session_is_absent_and_deleting_it_again_is_fine", "a_logout_is_final"],
        ),
        (Defect::NothingExpires, &["sessions_expire_after_their_ttl"]),
        (Defect::LongLifetimesEndAtOnce, &["a_very_long_lifetime_does_not_end_at_once"]),
        (Defect::TouchDoesNothing, &["a_write_renews_the_expiry"]),
        (Defect::TouchLies, &["touching_changes_neither_data_nor_version"]),
        (Defect::RotateKeepsTheOld, &["a_rotated_session_is_under_its_new_key_only"]),
        (Defect::RotateIgnoresVersions, &["a_session_is_rotated_only_at_its_version"]),
        (Defect::RotateMakesTheNewBeforeComparing, &["a_session_that_is_gone_is_not_rotated"]),
        (
            Defect::RotateLeavesNoSuccessor,
            &[
                "a_rotated_session_leaves_a_marker_that_names_its_successor",
                "a_renewal_whose_reply_is_lost_loses_no_session",
            ],
        ),
        (Defect::NoMarkers, &["a_removal_leaves_the_given_marker"]),
        (Defect::MarkersEverywhere, &["a_session_that_was_never_removed_has_no_marker"]),
        (Defect::CreateIgnoresMarkers, &["a_key_with_a_marker_is_not_created"]),
        (Defect::RotateIgnoresMarkers, &["a_session_is_not_rotated_to_a_key_with_a_marker"]),
        (Defect::RotateOverwritesTheNewKey, &["a_session_is_not_rotated_to_a_key_in_use"]),
        (
            Defect::RemoveNeedsASession,
            &["a_removal_leaves_its_marker_also_where_nothing_was_stored", "a_key_with_a_marker_is_not_created"],
        ),
        (Defect::RemoveReplacesMarkers, &["a_second_removal_keeps_and_answers_the_marker"]),
        (Defect::RemoveIgnoresTheGivenMarker, &["a_removal_leaves_the_given_marker"]),
        (Defect::RemoveAtAVersionLeavesNoMarker, &["a_removal_at_a_version_leaves_its_marker_only_if_it_succeeds"]),
        (Defect::RefusedRemovalsLeaveAMarker, &["a_removal_at_a_version_leaves_its_marker_only_if_it_succeeds"]),
        (Defect::EmptySessionsAreRemoved, &["an_empty_session_is_an_ordinary_session"]),
        (Defect::AnswersLater, &["a_store_that_answers_at_once_does_so"]),
        (Defect::KeysAreCaseless, &["keys_that_look_alike_are_different"]),
        (Defect::KeysAreCutOff, &["every_visible_character_and_every_length_makes_a_key"]),
        (
            Defect::ValuesAreReencoded,
            &["a_stored_session_comes_back_byte_for_byte", "a_write_whose_reply_is_lost_is_found_by_reading"],
        ),
        (
            Defect::LargeValuesAreCutOff,
            &["large_values_come_back_whole", "a_value_beyond_the_limit_is_refused_or_comes_back_whole"],
        ),
        (Defect::ConflictsAnswerWithTheOffer, &["a_session_is_replaced_only_at_its_version"]),
        (Defect::AnEmptyVersionFits, &["a_version_of_another_store_fits_nothing"]),
        (Defect::LateFailuresCountAsEarlyOnes, &["an_update_whose_reply_is_lost_is_not_made_twice"]),
    ] {
        let (memory, clock) = memory();
        let report = check(Candidate::atomic(Mutant::new(memory, defect)), clock).await;
        for case in cases {
            assert!(report.failures().any(|failed| failed == *case), "{defect:?} passes {case}:\n{report}");
        }
        never_failed.extend(report.results().map(|(case, _)| case));
        failed.extend(report.failures());
    }
    for (defect, cases) in INDEX_DEFECTS {
        let (memory, clock) = memory();
        let report = check(Candidate::atomic(IndexMutant::new(memory, *defect)), clock).await;
        for case in *cases {
            assert!(report.failures().any(|failed| failed == *case), "{defect:?} passes {case}:\n{report}");
        }
        never_failed.extend(report.results().map(|(case, _)| case));
        failed.extend(report.failures());
    }
    for (defect, cases) in EPOCH_DEFECTS {
        let clock = TestClock::at(1_700_000_000);
        let memory = EpochMemory::with_clock(clock.clone());
        let report = check(Candidate::atomic(EpochMutant { memory, defect: *defect }), clock).await;
        for case in *cases {
            assert!(report.failures().any(|failed| failed == *case), "{defect:?} passes {case}:\n{report}");
        }
        never_failed.extend(report.results().map(|(case, _)| case));
        failed.extend(report.failures());
    }
    never_failed.retain(|case| !failed.contains(case));
    assert_eq!(never_failed, BTreeSet::new(), "these cases catch nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_defect_of_a_store_of_three_methods_is_caught_too() {
    for (defect, case) in [
        (SimpleDefect::AbsentIsEmpty, "a_key_that_was_never_set_is_absent"),
        (SimpleDefect::SetKeepsTheFirst, "a_second_set_replaces_the_first"),
        (SimpleDefect::DeleteDoesNothing, "a_deleted_session_is_absent_and_deleting_it_again_is_fine"),
        (SimpleDefect::NothingExpires, "sessions_expire_after_their_ttl"),
    ] {
        let report = check_simple(defect).await;
        assert!(report.failures().any(|failed| failed == case), "{defect:?} passes {case}:\n{report}");
    }
}

/// A report names the case and the reason.
#[tokio::test(flavor = "multi_thread")]
#[should_panic(
    expected = "FAILED   a deleted session is absent and deleting it again is fine: the session is still stored"
)]
async fn a_failed_report_panics_with_the_case_and_the_reason() {
    check_simple(SimpleDefect::DeleteDoesNothing).await.assert_passed();
}

async fn check_simple(defect: SimpleDefect) -> Report {
    let clock = TestClock::at(1_700_000_000);
    let memory = SimpleMemory::with_clock(clock.clone());
    check(Candidate::simple(SimpleMutant { memory, defect }), clock).await
}

async fn check(candidate: Candidate, clock: TestClock) -> Report {
    conformance::check(candidate.advance_clock(move |time| clock.advance(time))).await
}
