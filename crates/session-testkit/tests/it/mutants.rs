//! Backends with one defect each, and the case that catches it.

use std::collections::BTreeSet;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use session_core::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, Created, ISessionBackend, Marker, MemoryBackend, Removed,
    Replaced, Rotation, SessionMap, Stored, Version, async_trait,
};
use session_testkit::conformance::{self, Subject};

use crate::memory;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    AbsentIsEmpty,
    SetKeepsTheFirst,
    CreateOverwrites,
    ReplaceIgnoresVersions,
    ReplaceRevives,
    RemoveIgnoresVersions,
    RemoveDoesNothing,
    DeleteDoesNothing,
    NothingExpires,
    LongLifetimesEndAtOnce,
    TouchDoesNothing,
    TouchLies,
    RotateKeepsTheOld,
    RotateIgnoresVersions,
    RotateMakesTheNewBeforeComparing,
    RotateLeavesNoSuccessor,
    NoMarkers,
    MarkersEverywhere,
    KeysAreCaseless,
    KeysAreCutOff,
    ValuesAreReencoded,
    LargeValuesAreCutOff,
    ConflictsAnswerWithTheOffer,
    AtOnceNothingIsFound,
    AtOnceVersionsAreIgnored,
    AtOnceWhatIsGoneIsRevived,
    AtOnceIsDoneAndNotSaid,
    AtOnceNothingExpires,
    AtOnceTheExpiryIsKept,
    AnEmptyVersionFits,
    /// What was carried out is said not to have been.
    LateFailuresCountAsEarlyOnes,
}

struct Mutant {
    memory: MemoryBackend,
    defect: Defect,
}

impl Mutant {
    fn is(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    fn key(&self, key: &str) -> String {
        match self.defect {
            Defect::KeysAreCaseless => key.to_lowercase(),
            Defect::KeysAreCutOff => key.chars().take(150).collect(),
            _ => key.to_owned(),
        }
    }

    fn value(&self, value: &SessionMap) -> SessionMap {
        let too_large = value.json_len() > 100_000;
        match self.defect {
            Defect::LargeValuesAreCutOff if too_large => SessionMap::new(),
            Defect::ValuesAreReencoded => {
                let parsed: Option<serde_json::Map<String, serde_json::Value>> =
                    serde_json::from_str(&value.to_json()).ok();
                let text = parsed.map_or_else(|| value.to_json(), |map| serde_json::Value::Object(map).to_string());
                SessionMap::from_json(text).expect("JSON")
            }
            _ => value.clone(),
        }
    }

    fn exp(&self, exp: Duration) -> Duration {
        match self.defect {
            Defect::NothingExpires => Duration::from_secs(1 << 30),
            Defect::LongLifetimesEndAtOnce if exp > Duration::from_secs(30 * 24 * 3600) => Duration::ZERO,
            _ => exp,
        }
    }

    /// The version that is there, whatever the caller knows.
    async fn current(&self, key: &str, known: &Version) -> Result<Version, BackendError> {
        Ok(self.memory.fetch(key).await?.map_or_else(|| known.clone(), |stored| stored.version))
    }
}

#[async_trait]
impl ISessionBackend for Mutant {
    async fn get(&self, key: &str) -> Result<Option<SessionMap>, BackendError> {
        let found = self.memory.get(&self.key(key)).await?;
        Ok(if self.is(Defect::AbsentIsEmpty) { found.or(Some(SessionMap::new())) } else { found })
    }

    async fn set(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<(), BackendError> {
        if self.is(Defect::SetKeepsTheFirst) && self.memory.get(key).await?.is_some() {
            return Ok(());
        }
        self.memory.set(&self.key(key), &self.value(value), self.exp(exp)).await
    }

    async fn delete(&self, key: &str) -> Result<(), BackendError> {
        if self.is(Defect::DeleteDoesNothing) { Ok(()) } else { self.memory.delete(&self.key(key)).await }
    }

    fn atomic(&self) -> Option<&dyn AtomicBackend> {
        Some(self)
    }
}

#[async_trait]
impl AtomicBackend for Mutant {
    async fn fetch(&self, key: &str) -> Result<Option<Stored>, BackendError> {
        self.memory.fetch(&self.key(key)).await
    }

    async fn create(&self, key: &str, value: &SessionMap, exp: Duration) -> Result<Created, BackendError> {
        let key = &self.key(key);
        if self.is(Defect::CreateOverwrites) {
            self.memory.delete(key).await?;
        }
        self.memory.create(key, &self.value(value), self.exp(exp)).await
    }

    async fn replace(
        &self,
        key: &str,
        value: &SessionMap,
        exp: Duration,
        version: &Version,
    ) -> Result<Replaced, BackendError> {
        let key = &self.key(key);
        let version = &match self.defect {
            Defect::ReplaceIgnoresVersions => self.current(key, version).await?,
            _ => version.clone(),
        };
        let answer = self.memory.replace(key, value, self.exp(exp), version).await?;
        Ok(match answer {
            Replaced::Gone if self.is(Defect::ReplaceRevives) => {
                self.memory.set(key, value, exp).await?;
                Replaced::Replaced(self.current(key, version).await?)
            }
            Replaced::Conflict(current) if self.is(Defect::ConflictsAnswerWithTheOffer) => {
                Replaced::Conflict(Stored { map: value.clone(), ..current })
            }
            Replaced::Replaced(_) if self.is(Defect::LateFailuresCountAsEarlyOnes) => {
                return Err(BackendError::new(BackendErrorKind::Unavailable, Applied::No));
            }
            other => other,
        })
    }

    fn fetch_now(&self, key: &str) -> Option<Option<Stored>> {
        if self.is(Defect::AtOnceNothingIsFound) { Some(None) } else { self.memory.fetch_now(&self.key(key)) }
    }

    fn replace_now(&self, key: &str, value: &SessionMap, exp: Duration, version: &Version) -> Option<Replaced> {
        match self.defect {
            Defect::AtOnceVersionsAreIgnored => {
                let current = self.memory.fetch_now(key)?.map_or_else(|| version.clone(), |stored| stored.version);
                self.memory.replace_now(key, value, exp, &current)
            }
            Defect::AtOnceWhatIsGoneIsRevived if self.memory.fetch_now(key)?.is_none() => {
                let mut creation = self.memory.create(key, value, exp);
                match creation.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(Ok(Created::Created(version))) => Some(Replaced::Replaced(version)),
                    _ => None,
                }
            }
            Defect::AtOnceWhatIsGoneIsRevived => self.memory.replace_now(key, value, exp, version),
            Defect::AtOnceIsDoneAndNotSaid => {
                let _answer = self.memory.replace_now(key, value, exp, version)?;
                None
            }
            Defect::AtOnceNothingExpires => self.memory.replace_now(key, value, exp * 1_000, version),
            Defect::AtOnceTheExpiryIsKept => {
                self.memory.replace_now(key, value, exp.min(Duration::from_secs(1)), version)
            }
            _ => None,
        }
    }

    async fn remove(&self, key: &str, version: Option<&Version>) -> Result<Removed, BackendError> {
        match self.defect {
            Defect::RemoveDoesNothing => Ok(Removed::Removed),
            Defect::RemoveIgnoresVersions => self.memory.remove(&self.key(key), None).await,
            Defect::AnEmptyVersionFits => {
                self.memory.remove(&self.key(key), version.filter(|version| !version.as_bytes().is_empty())).await
            }
            _ => self.memory.remove(&self.key(key), version).await,
        }
    }

    async fn touch(&self, key: &str, exp: Duration) -> Result<bool, BackendError> {
        match self.defect {
            Defect::TouchDoesNothing => Ok(self.memory.fetch(&self.key(key)).await?.is_some()),
            Defect::TouchLies => self.memory.touch(&self.key(key), exp).await.map(|_| true),
            _ => self.memory.touch(&self.key(key), self.exp(exp)).await,
        }
    }

    async fn rotate(&self, rotation: Rotation<'_>) -> Result<Replaced, BackendError> {
        let rotation = Rotation { exp: self.exp(rotation.exp), ..rotation };
        match self.defect {
            Defect::RotateKeepsTheOld => {
                let answer = self.memory.replace(rotation.old, rotation.value, rotation.exp, rotation.version).await?;
                if matches!(answer, Replaced::Replaced(_)) {
                    self.memory.set(rotation.new, rotation.value, rotation.exp).await?;
                }
                Ok(answer)
            }
            Defect::RotateIgnoresVersions => {
                let version = self.current(rotation.old, rotation.version).await?;
                self.memory.rotate(Rotation { version: &version, ..rotation }).await
            }
            Defect::RotateMakesTheNewBeforeComparing => {
                self.memory.set(rotation.new, rotation.value, rotation.exp).await?;
                self.memory.rotate(rotation).await
            }
            Defect::RotateLeavesNoSuccessor => {
                let answer = self.memory.rotate(rotation).await?;
                self.memory.set(rotation.old, rotation.value, rotation.exp).await?;
                self.memory.delete(rotation.old).await?;
                Ok(answer)
            }
            _ => self.memory.rotate(rotation).await,
        }
    }

    async fn marker(&self, key: &str) -> Result<Option<Marker>, BackendError> {
        match self.defect {
            Defect::NoMarkers => Ok(None),
            Defect::MarkersEverywhere => Ok(Some(Marker::Destroyed)),
            _ => self.memory.marker(&self.key(key)).await,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_defect_is_caught_by_the_cases_that_are_meant_for_it_and_every_case_catches_one() {
    let mut never_failed = BTreeSet::new();
    let mut failed = BTreeSet::new();
    for (defect, cases) in [
        (Defect::AbsentIsEmpty, &["a_key_that_was_never_set_is_absent"][..]),
        (Defect::SetKeepsTheFirst, &["a_second_set_replaces_the_first"]),
        (Defect::CreateOverwrites, &["a_session_is_created_only_where_there_is_none"]),
        (Defect::ReplaceIgnoresVersions, &["a_session_is_replaced_only_at_its_version"]),
        (Defect::ReplaceRevives, &["a_removed_session_is_not_brought_back", "a_logout_whose_reply_is_lost_is_final"]),
        (Defect::RemoveIgnoresVersions, &["a_session_is_removed_at_its_version_or_whatever_it_is"]),
        (Defect::RemoveDoesNothing, &["a_logout_is_final"]),
        (Defect::DeleteDoesNothing, &["a_deleted_session_is_absent_and_deleting_it_again_is_fine"]),
        (Defect::NothingExpires, &["sessions_end_when_their_time_is_over"]),
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
        (Defect::NoMarkers, &["only_destroyed_sessions_leave_a_marker"]),
        (Defect::MarkersEverywhere, &["only_destroyed_sessions_leave_a_marker"]),
        (Defect::KeysAreCaseless, &["keys_that_look_alike_are_different"]),
        (Defect::KeysAreCutOff, &["every_visible_character_and_every_length_makes_a_key"]),
        (
            Defect::ValuesAreReencoded,
            &["what_is_set_comes_back_byte_for_byte", "a_write_whose_reply_is_lost_is_found_by_reading"],
        ),
        (
            Defect::LargeValuesAreCutOff,
            &["large_values_come_back_whole", "a_value_beyond_the_limit_is_refused_or_comes_back_whole"],
        ),
        (Defect::ConflictsAnswerWithTheOffer, &["a_session_is_replaced_only_at_its_version"]),
        (Defect::AtOnceNothingIsFound, &["what_is_answered_at_once_is_true"]),
        (Defect::AtOnceVersionsAreIgnored, &["what_is_done_at_once_is_done_only_at_its_version"]),
        (Defect::AtOnceWhatIsGoneIsRevived, &["what_is_done_at_once_is_done_only_at_its_version"]),
        (Defect::AtOnceIsDoneAndNotSaid, &["what_is_done_at_once_is_done_only_at_its_version"]),
        (Defect::AtOnceNothingExpires, &["sessions_end_when_their_time_is_over"]),
        (Defect::AtOnceTheExpiryIsKept, &["a_write_renews_the_expiry"]),
        (Defect::AnEmptyVersionFits, &["a_version_of_another_store_fits_nothing"]),
        (Defect::LateFailuresCountAsEarlyOnes, &["an_update_whose_reply_is_lost_is_not_made_twice"]),
    ] {
        let (memory, clock) = memory();
        let subject = Subject::new(Mutant { memory, defect }).pass_time(move |time| clock.advance(time));
        let report = conformance::check(subject).await;
        for case in cases {
            assert!(report.failures().any(|failed| failed == *case), "{defect:?} passes {case}:\n{report}");
        }
        never_failed.extend(report.results().map(|(case, _)| case));
        failed.extend(report.failures());
    }
    never_failed.retain(|case| !failed.contains(case));
    assert_eq!(never_failed, BTreeSet::new(), "these cases catch nothing");
}

/// A report says what is wrong.
#[tokio::test(flavor = "multi_thread")]
#[should_panic(expected = "FAILED        a deleted session is absent and deleting it again is fine: it is still there")]
async fn a_failed_report_panics_with_the_case_and_the_reason() {
    let (memory, clock) = memory();
    let mutant = Mutant { memory, defect: Defect::DeleteDoesNothing };
    conformance::check(Subject::new(mutant).pass_time(move |time| clock.advance(time))).await.assert_passed();
}
