//! Keeps the promises, within this process, for a store that can't compare and set.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::atomic::AtomicBackend;
use super::call::{Create, Remove, Replace, Rotate, Touch};
use super::error::{Applied, BackendError, BackendErrorKind};
use super::memory::MemoryBackend;
use super::reply::{Marker, StoreFuture, Stored, WriteOutcome};
use super::simple::ISessionBackend;
use super::version::Version;
use crate::clock::Clock;
use crate::map::SessionMap;
use crate::sync::StripedLock;

/// The calls of [`AtomicBackend`], made of `get`, `set` and `delete` under a lock for each key.
///
/// Another process can still write to the store between the `get` and the `set` of a call, and its write is then lost.
pub(crate) struct SingleProcess {
    backend: Arc<dyn ISessionBackend>,
    locks: StripedLock,
    /// The markers of the sessions that this process removed.
    markers: MemoryBackend,
}

/// A session as a comparison found it.
enum Compared {
    Same,
    Conflict(Stored),
    Absent,
}

impl SingleProcess {
    pub(crate) fn new(backend: Arc<dyn ISessionBackend>, clock: Arc<dyn Clock>) -> Self {
        let markers = MemoryBackend::builder().clock(move || clock.now()).build();
        Self { backend, locks: StripedLock::default(), markers }
    }

    async fn stored(&self, key: &str) -> Result<Option<Stored>, BackendError> {
        let found = self.backend.get(key).await?;
        Ok(found.map(|session| Stored { version: version(&session), session }))
    }

    async fn compare(&self, key: &str, version: Option<&Version>) -> Result<Compared, BackendError> {
        Ok(match self.stored(key).await? {
            None => Compared::Absent,
            Some(current) if version.is_some_and(|version| *version != current.version) => Compared::Conflict(current),
            Some(_) => Compared::Same,
        })
    }

    /// Creates a session, unless its key has a marker. New keys are random, so no other session has the key.
    async fn create(&self, create: Create<'_>) -> Result<WriteOutcome, BackendError> {
        let _locked = self.locks.lock(create.key).await;
        if let Some(marker) = self.markers.peek_marker(create.key) {
            return Ok(WriteOutcome::Gone(Some(marker)));
        }
        self.backend.set(create.key, create.session, create.ttl).await?;
        Ok(WriteOutcome::Done(version(create.session)))
    }

    async fn replace(&self, replace: Replace<'_>) -> Result<WriteOutcome, BackendError> {
        let _locked = self.locks.lock(replace.key).await;
        Ok(match self.compare(replace.key, Some(replace.version)).await? {
            Compared::Same => {
                self.backend.set(replace.key, replace.session, replace.ttl).await?;
                WriteOutcome::Done(version(replace.session))
            }
            Compared::Conflict(current) => WriteOutcome::Conflict(Some(current)),
            Compared::Absent => WriteOutcome::Gone(self.markers.peek_marker(replace.key)),
        })
    }

    async fn remove(&self, remove: Remove<'_>) -> Result<WriteOutcome<()>, BackendError> {
        let _locked = self.locks.lock(remove.key).await;
        let at_any_version = remove.version.is_none();
        let absent = match self.compare(remove.key, remove.version).await {
            Ok(Compared::Conflict(current)) => return Ok(WriteOutcome::Conflict(Some(current))),
            Ok(Compared::Same) => false,
            Ok(Compared::Absent) => true,
            // An unreadable value can be removed.
            Err(error) if at_any_version && error.kind() == BackendErrorKind::Corrupt => false,
            Err(error) => return Err(error),
        };
        if absent {
            let found = self.markers.peek_marker(remove.key);
            if at_any_version && found.is_none() {
                self.markers.mark(remove.key, remove.marker);
            }
            return Ok(WriteOutcome::Gone(found));
        }
        // The marker comes first, because the removal may be applied without a reply. A marker beside a live session is
        // ignored.
        self.markers.mark(remove.key, remove.marker);
        self.backend.delete(remove.key).await?;
        Ok(WriteOutcome::Done(()))
    }

    async fn touch(&self, touch: Touch<'_>) -> Result<bool, BackendError> {
        let _locked = self.locks.lock(touch.key).await;
        let Some(session) = self.backend.get(touch.key).await? else { return Ok(false) };
        self.backend.set(touch.key, &session, touch.ttl).await?;
        Ok(true)
    }

    async fn rotate(&self, rotate: Rotate<'_>) -> Result<WriteOutcome, BackendError> {
        let _locked = self.locks.lock(rotate.old).await;
        match self.compare(rotate.old, Some(rotate.version)).await? {
            Compared::Same => {}
            Compared::Conflict(current) => return Ok(WriteOutcome::Conflict(Some(current))),
            Compared::Absent => return Ok(WriteOutcome::Gone(self.markers.peek_marker(rotate.old))),
        }
        if let Some(marker) = self.markers.peek_marker(rotate.new) {
            return Ok(WriteOutcome::Gone(Some(marker)));
        }
        self.backend.set(rotate.new, rotate.session, rotate.ttl).await?;
        self.markers.mark(rotate.old, Marker::Renewed { successor: rotate.new.into() });
        if let Err(error) = self.backend.delete(rotate.old).await {
            let gone = error.applied() == Applied::Maybe
                && self.backend.get(rotate.old).await.is_ok_and(|found| found.is_none());
            // If the session is not gone, it stays under its old key. No client knows the new key, which expires.
            if !gone {
                return Err(error);
            }
        }
        Ok(WriteOutcome::Done(version(rotate.session)))
    }
}

/// Returns a version made from the session's text, because the store keeps none.
fn version(session: &SessionMap) -> Version {
    Version::from(<[u8; 32]>::from(Sha256::digest(session.as_json().as_bytes())))
}

impl AtomicBackend for SingleProcess {
    fn fetch<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Stored>> {
        StoreFuture::pending(self.stored(key))
    }

    fn create<'a>(&'a self, create: Create<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::pending(self.create(create))
    }

    fn replace<'a>(&'a self, replace: Replace<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::pending(self.replace(replace))
    }

    fn remove<'a>(&'a self, remove: Remove<'a>) -> StoreFuture<'a, WriteOutcome<()>> {
        StoreFuture::pending(self.remove(remove))
    }

    fn touch<'a>(&'a self, touch: Touch<'a>) -> StoreFuture<'a, bool> {
        StoreFuture::pending(self.touch(touch))
    }

    fn rotate<'a>(&'a self, rotate: Rotate<'a>) -> StoreFuture<'a, WriteOutcome> {
        StoreFuture::pending(self.rotate(rotate))
    }

    fn marker<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Marker>> {
        self.markers.marker(key)
    }
}
