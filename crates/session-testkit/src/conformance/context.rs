//! The helpers of the cases.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_core::{
    AtomicBackend, Backend, Create, MapError, Session, SessionConfig, SessionError, SessionHandle, SessionManager,
    SessionMap, Stored, Version, WriteOutcome,
};

use super::Candidate;
use super::failure::Failure;
use super::store::Store;

/// A TTL that outlives a case.
pub(super) const LONG: Duration = Duration::from_secs(3600);

pub(super) struct Context {
    candidate: Candidate,
    /// A random part of this run's keys, which distinguishes them from other keys on the same server.
    run: u64,
    keys: AtomicUsize,
}

impl Context {
    pub(super) fn new(candidate: Candidate) -> Self {
        Self { candidate, run: RandomState::new().hash_one("run"), keys: AtomicUsize::new(0) }
    }

    pub(super) fn store(&self) -> &Store {
        &self.candidate.store
    }

    /// Returns the backend of a case that runs only on backends that compare and set.
    pub(super) fn atomic(&self) -> Result<&dyn AtomicBackend, Failure> {
        self.store().atomic().ok_or_else(|| Failure::Wrong("the backend does not compare".to_owned()))
    }

    pub(super) fn largest_value(&self) -> usize {
        self.candidate.largest_value
    }

    pub(super) async fn advance_clock(&self, time: Duration) {
        (self.candidate.advance_clock)(time).await;
    }

    /// Returns a new key.
    pub(super) fn key(&self) -> String {
        format!("conformance:{:016x}:{}", self.run, self.keys.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns a new user, as a manager names it: no session has such a key.
    pub(super) fn user(&self) -> String {
        format!("{}:user:ann", self.key())
    }

    /// Returns the JSON text that is stored under a key.
    pub(super) async fn text(&self, key: &str) -> Result<Option<String>, Failure> {
        Ok(self.store().get(key).await?.map(|map| map.into_json()))
    }

    /// Stores a session under a new key.
    pub(super) async fn created(&self, json: &str) -> Result<(String, Version), Failure> {
        let key = self.key();
        let version = written(self.atomic()?.create(Create::new(&key, &map(json)?, LONG)).await?)?;
        Ok((key, version))
    }

    /// Returns the session that a conflict has returned, or fetches it.
    pub(super) async fn current(&self, key: &str, answered: Option<Stored>) -> Result<Stored, Failure> {
        match answered {
            Some(current) => Ok(current),
            None => there(self.atomic()?.fetch(key).await?),
        }
    }

    /// Returns a manager on the backend, with a deadline that is long enough for a busy machine.
    pub(super) fn manager(&self) -> Result<SessionManager, Failure> {
        self.manager_on(self.store().clone())
    }

    /// Returns a manager on a wrapper of the backend.
    pub(super) fn manager_on(&self, backend: impl Into<Backend>) -> Result<SessionManager, Failure> {
        let config = SessionConfig::builder("the secret of the conformance suite", "id")
            .backend(backend)
            .key_prefix(format!("conformance:{:016x}:", self.run))
            .request_deadline(Duration::from_secs(10))
            .build();
        config.map(SessionManager::new).map_err(|error| Failure::Wrong(error.to_string()))
    }
}

pub(super) fn map(json: &str) -> Result<SessionMap, MapError> {
    SessionMap::from_json(json)
}

/// Returns the fetched session, or fails the case if there is none.
pub(super) fn there(stored: Option<Stored>) -> Result<Stored, Failure> {
    stored.ok_or_else(|| Failure::Wrong("the session is not stored".to_owned()))
}

/// Returns the new version, or fails the case if the write was refused.
pub(super) fn written(outcome: WriteOutcome) -> Result<Version, Failure> {
    match outcome {
        WriteOutcome::Done(version) => Ok(version),
        other => Err(Failure::Wrong(format!("the write was not made: {other:?}"))),
    }
}

/// A request that has loaded its session.
pub(super) struct Request {
    pub(super) handle: SessionHandle,
    pub(super) session: Session,
}

impl Request {
    pub(super) async fn open(manager: &SessionManager, cookie: &str) -> Result<Self, Failure> {
        let handle = manager.open([cookie.as_bytes()]);
        let session = handle.load().await?;
        Ok(Self { handle, session })
    }

    /// Commits. Returns the cookie that the response sets, if any, as a client sends it back.
    pub(super) async fn commit(self) -> Result<Option<String>, SessionError> {
        let commit = self.handle.commit(200).await;
        match commit.error {
            Some(error) => Err(error),
            None => Ok(commit.set_cookie.and_then(|cookie| cookie.as_str().split(';').next().map(str::to_owned))),
        }
    }
}
