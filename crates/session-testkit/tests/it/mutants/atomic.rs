//! A backend that compares and sets, with a defect.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use session_core::{
    Applied, AtomicBackend, BackendError, BackendErrorKind, Create, Marker, MemoryBackend, Remove, Replace, Rotate,
    SessionMap, StoreFuture, Stored, Touch, Version, WriteOutcome,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    AbsentIsEmpty,
    CreateOverwrites,
    ReplaceKeepsTheFirst,
    ReplaceIgnoresVersions,
    ReplaceRevives,
    RemoveIgnoresVersions,
    RemoveDoesNothing,
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
    AnEmptyVersionFits,
    CreateIgnoresMarkers,
    RotateIgnoresMarkers,
    RotateOverwritesTheNewKey,
    RemoveNeedsASession,
    RemoveReplacesMarkers,
    RemoveIgnoresTheGivenMarker,
    RemoveAtAVersionLeavesNoMarker,
    RefusedRemovalsLeaveAMarker,
    EmptySessionsAreRemoved,
    AnswersLater,
    /// An error claims that a write was not applied, although it was.
    LateFailuresCountAsEarlyOnes,
}

pub(crate) struct Mutant {
    memory: MemoryBackend,
    /// Sessions whose keys have a marker in `memory`.
    revived: MemoryBackend,
    /// Markers that differ from those in `memory`.
    markers: Mutex<HashMap<String, Option<Marker>>>,
    defect: Defect,
}

impl Mutant {
    pub(crate) fn new(memory: MemoryBackend, defect: Defect) -> Self {
        Self { memory, revived: MemoryBackend::new(), markers: Mutex::default(), defect }
    }

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

    fn session(&self, session: &SessionMap) -> SessionMap {
        let too_large = session.json_len() > 100_000;
        match self.defect {
            Defect::LargeValuesAreCutOff if too_large => SessionMap::new(),
            Defect::ValuesAreReencoded => {
                let parsed: Option<serde_json::Map<String, serde_json::Value>> =
                    serde_json::from_str(&session.as_json()).ok();
                let text = parsed
                    .map_or_else(|| session.as_json().into_owned(), |map| serde_json::Value::Object(map).to_string());
                SessionMap::from_json(text).expect("JSON")
            }
            _ => session.clone(),
        }
    }

    fn ttl(&self, ttl: Duration) -> Duration {
        match self.defect {
            Defect::NothingExpires => Duration::from_secs(1 << 30),
            Defect::LongLifetimesEndAtOnce if ttl > Duration::from_secs(30 * 24 * 3600) => Duration::ZERO,
            _ => ttl,
        }
    }

    /// Returns the version of the stored session, or the known one if there is none.
    async fn current(&self, key: &str, known: &Version) -> Result<Version, BackendError> {
        Ok(self.memory.fetch(key).await?.map_or_else(|| known.clone(), |stored| stored.version))
    }

    /// Ends a session without a marker.
    async fn discard(&self, key: &str) -> Result<(), BackendError> {
        self.memory.touch(Touch::new(key, Duration::ZERO)).await.map(drop)
    }

    fn set_marker(&self, key: &str, marker: Option<Marker>) {
        self.markers.lock().expect("no test panics in here").insert(key.to_owned(), marker);
    }

    async fn fetched(&self, key: &str) -> Result<Option<Stored>, BackendError> {
        let found = match self.memory.fetch(&self.key(key)).await? {
            None => self.revived.fetch(key).await?,
            found => found,
        };
        let nothing = || Stored::new(SessionMap::new(), Version::from(0));
        Ok(if self.is(Defect::AbsentIsEmpty) { found.or_else(|| Some(nothing())) } else { found })
    }

    async fn created(&self, create: Create<'_>) -> Result<WriteOutcome, BackendError> {
        let key = &self.key(create.key);
        if self.is(Defect::CreateOverwrites) {
            self.discard(key).await?;
        }
        let session = self.session(create.session);
        let create = Create::new(key, &session, self.ttl(create.ttl));
        match self.memory.create(create).await? {
            WriteOutcome::Gone(_) if self.is(Defect::CreateIgnoresMarkers) => self.revived.create(create).await,
            outcome => Ok(outcome),
        }
    }

    async fn replaced(&self, replace: Replace<'_>) -> Result<WriteOutcome, BackendError> {
        let key = &self.key(replace.key);
        let (session, ttl) = (&self.session(replace.session), self.ttl(replace.ttl));
        let version = &match self.defect {
            Defect::ReplaceIgnoresVersions => self.current(key, replace.version).await?,
            Defect::ReplaceKeepsTheFirst => {
                return Ok(WriteOutcome::Done(self.current(key, replace.version).await?));
            }
            _ => replace.version.clone(),
        };
        let outcome = self.memory.replace(Replace::new(key, session, ttl, version)).await?;
        Ok(match outcome {
            WriteOutcome::Done(version) if self.is(Defect::EmptySessionsAreRemoved) && session.is_empty() => {
                self.memory.remove(Remove::new(key)).await?;
                WriteOutcome::Done(version)
            }
            WriteOutcome::Gone(_) if self.is(Defect::ReplaceRevives) => {
                self.revived.create(Create::new(key, session, ttl)).await?
            }
            WriteOutcome::Conflict(Some(current)) if self.is(Defect::ConflictsAnswerWithTheOffer) => {
                WriteOutcome::Conflict(Some(Stored::new(session.clone(), current.version)))
            }
            WriteOutcome::Done(_) if self.is(Defect::LateFailuresCountAsEarlyOnes) => {
                return Err(BackendError::new(BackendErrorKind::Unavailable, Applied::No));
            }
            other => other,
        })
    }

    async fn removed(&self, remove: Remove<'_>) -> Result<WriteOutcome<()>, BackendError> {
        let key = &self.key(remove.key);
        let mut at = remove.clone();
        at.key = key;
        match self.defect {
            Defect::RemoveDoesNothing => return Ok(WriteOutcome::Done(())),
            Defect::RemoveIgnoresVersions => at.version = None,
            Defect::AnEmptyVersionFits => at.version = at.version.filter(|version| !version.as_bytes().is_empty()),
            Defect::RemoveIgnoresTheGivenMarker => at.marker = Marker::Destroyed,
            Defect::RemoveNeedsASession if self.memory.fetch(key).await?.is_none() => {
                return Ok(WriteOutcome::Gone(self.memory.marker(key).await?));
            }
            _ => {}
        }
        let outcome = self.memory.remove(at).await?;
        match (&outcome, self.defect) {
            (WriteOutcome::Done(()), Defect::RemoveAtAVersionLeavesNoMarker) if remove.version.is_some() => {
                self.set_marker(key, None);
            }
            (WriteOutcome::Conflict(_) | WriteOutcome::Gone(None), Defect::RefusedRemovalsLeaveAMarker)
            | (WriteOutcome::Gone(Some(_)), Defect::RemoveReplacesMarkers) => {
                self.set_marker(key, Some(remove.marker));
            }
            _ => {}
        }
        Ok(outcome)
    }

    async fn touched(&self, touch: Touch<'_>) -> Result<bool, BackendError> {
        let key = &self.key(touch.key);
        match self.defect {
            Defect::TouchDoesNothing => Ok(self.memory.fetch(key).await?.is_some()),
            Defect::TouchLies => self.memory.touch(Touch::new(key, touch.ttl)).await.map(|_| true),
            _ => self.memory.touch(Touch::new(key, self.ttl(touch.ttl))).await,
        }
    }

    async fn rotated(&self, rotate: Rotate<'_>) -> Result<WriteOutcome, BackendError> {
        let (old, new, ttl) = (&self.key(rotate.old), &self.key(rotate.new), self.ttl(rotate.ttl));
        let session = &self.session(rotate.session);
        match self.defect {
            Defect::RotateKeepsTheOld => {
                let outcome = self.memory.replace(Replace::new(old, session, ttl, rotate.version)).await?;
                match outcome {
                    WriteOutcome::Done(_) => self.memory.create(Create::new(new, session, ttl)).await,
                    refused => Ok(refused),
                }
            }
            Defect::RotateIgnoresVersions => {
                let version = self.current(old, rotate.version).await?;
                self.memory.rotate(Rotate::new(old, new, session, ttl, &version)).await
            }
            Defect::RotateMakesTheNewBeforeComparing => {
                self.memory.create(Create::new(new, session, ttl)).await?;
                self.memory.rotate(Rotate::new(old, new, session, ttl, rotate.version)).await
            }
            Defect::RotateLeavesNoSuccessor => {
                let outcome = self.memory.replace(Replace::new(old, session, ttl, rotate.version)).await?;
                if let WriteOutcome::Done(version) = &outcome {
                    self.memory.remove(Remove::new(old).at(version)).await?;
                    return self.memory.create(Create::new(new, session, ttl)).await;
                }
                Ok(outcome)
            }
            Defect::RotateOverwritesTheNewKey => {
                self.discard(new).await?;
                self.memory.rotate(Rotate::new(old, new, session, ttl, rotate.version)).await
            }
            _ => match self.memory.rotate(Rotate::new(old, new, session, ttl, rotate.version)).await? {
                WriteOutcome::Gone(Some(_)) if self.is(Defect::RotateIgnoresMarkers) => {
                    self.revived.create(Create::new(new, session, ttl)).await
                }
                outcome => Ok(outcome),
            },
        }
    }

    async fn marked(&self, key: &str) -> Result<Option<Marker>, BackendError> {
        if let Some(marker) = self.markers.lock().expect("no test panics in here").get(key) {
            return Ok(marker.clone());
        }
        match self.defect {
            Defect::NoMarkers => Ok(None),
            Defect::MarkersEverywhere => Ok(Some(Marker::Destroyed)),
            _ => self.memory.marker(&self.key(key)).await,
        }
    }
}

impl AtomicBackend for Mutant {
    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>> {
        StoreFuture::pending(self.fetched(key))
    }

    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::pending(self.created(create))
    }

    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::pending(self.replaced(replace))
    }

    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
        StoreFuture::pending(self.removed(remove))
    }

    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool> {
        StoreFuture::pending(async move {
            if self.is(Defect::AnswersLater) {
                tokio::task::yield_now().await;
            }
            self.touched(touch).await
        })
    }

    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::pending(self.rotated(rotate))
    }

    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>> {
        StoreFuture::pending(self.marked(key))
    }

    fn answers_at_once(&self) -> bool {
        self.is(Defect::AnswersLater)
    }
}
